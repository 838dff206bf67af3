// SPDX-License-Identifier: Apache-2.0
//
// Rare<T>: an optional T that nearly no object has, such as the error of a stream. It takes a pointer's
// place in the object, where std::optional takes cache lines that every request has to fetch. Setting
// it allocates.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace quicore::engine {

template <class T>
class Rare {
 public:
  Rare& operator=(T value) {
    value_ = std::make_unique<T>(std::move(value));
    return *this;
  }
  Rare& operator=(std::optional<T> value) {
    value_ = value ? std::make_unique<T>(std::move(*value)) : nullptr;
    return *this;
  }
  explicit operator bool() const noexcept { return value_ != nullptr; }
  const T& operator*() const noexcept { return *value_; }
  const T* operator->() const noexcept { return value_.get(); }
  std::optional<T> copy() const { return value_ ? std::optional<T>(*value_) : std::nullopt; }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace quicore::engine
