// SPDX-License-Identifier: Apache-2.0
//
// Handlers<Event>: who is told when something happens on an endpoint or session.
//
//   session.on_stream() = [](StreamEvent event) { ... };            // the one slot; replaces
//   session.on_stream() = [](StreamEvent event) -> Task<> { ... };  // a coroutine per event
//   auto subscription = session.on_stream().add_listener(...);      // more, until it dies
//
// A handler takes the event by value and returns nothing or a Task<>. The slot is called first,
// then the listeners in the order of their registration. Handlers run in the DELIVER phase and may
// do anything, also replace themselves; a coroutine keeps its lambda alive while it runs.
// A handler that throws ends the stream, session or endpoint the event is about, never the shard.
//
// Threading: one shard's. Cost: an allocation per registration, none per event.
#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/ref.h"
#include "api/task.h"

namespace quicore {

namespace internal {

class HandlerBase : public Counted {
 public:
  bool active = true;
};

template <class Event>
class Handler : public HandlerBase {
 public:
  virtual void call(Event event) = 0;
};

template <class Event, class F>
class HandlerOf final : public Handler<Event> {
 public:
  explicit HandlerOf(F function) : function_(std::move(function)) {}
  void call(Event event) override {
    if constexpr (std::is_same_v<std::invoke_result_t<F&, Event>, Task<void>>) {
      start_detached(function_(std::move(event)), Ref<Counted>(this));
    } else {
      function_(std::move(event));
    }
  }

 private:
  F function_;
};

}  // namespace internal

// Ends a registration when it dies.
class [[nodiscard]] Subscription {
 public:
  Subscription() = default;
  explicit Subscription(internal::Ref<internal::HandlerBase> handler) noexcept
      : handler_(std::move(handler)) {}
  // The registration moves along.
  Subscription(Subscription&&) noexcept = default;
  // Ends the registration it held before.
  Subscription& operator=(Subscription&& other) noexcept {
    cancel();
    handler_ = std::move(other.handler_);
    return *this;
  }
  ~Subscription() { cancel(); }

  // Ends it now; also from inside of the handler.
  void cancel() noexcept {
    if (handler_) handler_->active = false;
    handler_ = {};
  }
  // The registration lasts as long as what it is about.
  void keep() && noexcept { handler_ = {}; }

 private:
  internal::Ref<internal::HandlerBase> handler_;
};

// The registrations for one kind of event: one slot and any number of listeners (EV12).
template <class Event>
class Handlers {
 public:
  // Told when somebody begins to listen, so that events that waited can be handed out.
  class Owner {
   public:
    // After each registration.
    virtual void handler_added() = 0;

   protected:
    ~Owner() = default;
  };

  Handlers() = default;
  // `owner` outlives it.
  explicit Handlers(Owner& owner) noexcept : owner_(&owner) {}
  Handlers(const Handlers&) = delete;
  Handlers& operator=(const Handlers&) = delete;

  // Fills the slot, in place of what was there.
  template <class F>
  requires std::invocable<F&, Event> Handlers& operator=(F function) {
    slot_ = make(std::move(function));
    if (owner_ != nullptr) owner_->handler_added();
    return *this;
  }
  // Empties the slot; listeners stay.
  Handlers& operator=(std::nullptr_t) noexcept {
    slot_ = {};
    return *this;
  }

  // One more, until the subscription ends.
  template <class F>
  requires std::invocable<F&, Event> Subscription add_listener(F function) {
    listeners_.push_back(make(std::move(function)));
    internal::Ref<internal::HandlerBase> handler(listeners_.back().get());
    if (owner_ != nullptr) owner_->handler_added();
    return Subscription(std::move(handler));
  }

  // Whether an event would reach nobody.
  bool empty() const noexcept {
    if (slot_) return false;
    for (const auto& listener : listeners_) {
      if (listener->active) return false;
    }
    return true;
  }

  // Called by the library. Handlers added meanwhile do not see this event.
  void emit(Event event) {
    const Pointer slot = slot_;
    if (listeners_.empty()) {
      if (slot) slot->call(std::move(event));
      return;
    }
    std::erase_if(listeners_, [](const Pointer& listener) { return !listener->active; });
    const std::vector<Pointer> present = listeners_;
    if (slot) slot->call(event);
    for (const Pointer& listener : present) {
      if (listener->active) listener->call(event);
    }
  }
  // Drops every handler: what they are about has ended.
  void clear() noexcept {
    slot_ = {};
    listeners_.clear();
  }

 private:
  using Pointer = internal::Ref<internal::Handler<Event>>;
  template <class F>
  static Pointer make(F function) {
    return Pointer(new internal::HandlerOf<Event, F>(std::move(function)));
  }

  Owner* owner_ = nullptr;
  Pointer slot_;
  std::vector<Pointer> listeners_;
};

}  // namespace quicore
