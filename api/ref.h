// SPDX-License-Identifier: Apache-2.0
//
// Ref<T>: a counted pointer to an object of one shard. The count is not atomic, copying is one
// increment. What the public handles are made of; users meet the handles, not this.
//
// T derives from Counted, or its namespace offers ref_retain(T*) and ref_release(T*) noexcept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "io/block_pool.h"

namespace quicore::internal {

// Base of objects that delete themselves with the last Ref.
class Counted : public io::InBlocks {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  virtual ~Counted() = default;

  friend void ref_retain(Counted* object) noexcept { ++object->references_; }
  friend void ref_release(Counted* object) noexcept {
    if (--object->references_ == 0) delete object;
  }

 private:
  std::uint32_t references_ = 0;
};

template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)
  explicit Ref(T* object) noexcept : object_(object) { retain(); }
  Ref(const Ref& other) noexcept : object_(other.object_) { retain(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) ref_release(object_);
  }

  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.object_ == b.object_; }

 private:
  void retain() noexcept {
    if (object_ != nullptr) ref_retain(object_);
  }
  T* object_ = nullptr;
};

}  // namespace quicore::internal
