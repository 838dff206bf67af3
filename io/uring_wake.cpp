// SPDX-License-Identifier: Apache-2.0
#include "io/uring_wake.h"

namespace quicore::io {

namespace {

thread_local UringMessenger* messenger_of_this_thread = nullptr;

}  // namespace

UringMessenger* UringMessenger::of_this_thread() noexcept { return messenger_of_this_thread; }

void UringMessenger::set_for_this_thread(UringMessenger* messenger) noexcept {
  messenger_of_this_thread = messenger;
}

void UringWaker::wake() noexcept {
  if (!target_->state.notify()) return;
  UringMessenger* messenger = UringMessenger::of_this_thread();
  if (messenger != nullptr && messenger->send_wake(target_)) return;
  target_->state.write_event();
}

}  // namespace quicore::io
