// SPDX-License-Identifier: Apache-2.0
//
// A doubly linked list through a hook inside the object: connections that want to send, streams with
// events. Insertion and removal are a few stores; an object removes itself when it dies; an object is
// in a list at most once, so "mark as ready" is idempotent.
#pragma once

#include "io/check.h"

namespace quicore::engine {

template <class Tag>
class ListHook {
 public:
  ListHook() noexcept = default;
  ~ListHook() { unlink(); }
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;

  bool linked() const noexcept { return next_ != this; }
  void unlink() noexcept {
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = this;
  }

 private:
  template <class, class>
  friend class IntrusiveList;
  ListHook* next_ = this;
  ListHook* previous_ = this;
};

// T derives from ListHook<Tag>.
template <class T, class Tag>
class IntrusiveList {
 public:
  IntrusiveList() = default;
  ~IntrusiveList() { clear(); }

  bool empty() const noexcept { return !head_.linked(); }
  T* front() noexcept { return empty() ? nullptr : to_object(head_.next_); }
  // The object behind `item`, nullptr at the end.
  T* after(T& item) noexcept {
    Hook* next = static_cast<Hook&>(item).next_;
    return next == &head_ ? nullptr : to_object(next);
  }
  // Does nothing when the object is in a list already.
  void push_back(T& item) noexcept {
    Hook& hook = item;
    if (hook.linked()) return;
    hook.previous_ = head_.previous_;
    hook.next_ = &head_;
    head_.previous_->next_ = &hook;
    head_.previous_ = &hook;
  }
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    Hook* const first = head_.next_;
    head_.next_ = first->next_;
    head_.next_->previous_ = &head_;
    first->next_ = first->previous_ = first;
    return to_object(first);
  }
  // Moves everything of `other` behind what is here.
  void splice_back(IntrusiveList& other) noexcept {
    if (other.empty()) return;
    Hook* const first = other.head_.next_;
    Hook* const last = other.head_.previous_;
    other.head_.next_ = other.head_.previous_ = &other.head_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
  }
  void clear() noexcept {
    while (pop_front() != nullptr) {
    }
  }

 private:
  using Hook = ListHook<Tag>;
  static T* to_object(Hook* hook) noexcept { return static_cast<T*>(hook); }
  Hook head_;
};

}  // namespace quicore::engine
