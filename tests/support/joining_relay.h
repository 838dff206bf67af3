// SPDX-License-Identifier: Apache-2.0
//
// A relay on loopback that behaves like a NAT in front of a network card that joins datagrams: what
// clients send at about the same time leaves as one train (GSO), mixed across connections, so that
// the server's socket receives it as GRO would deliver it. rebind() changes the source port of
// everything at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace quicore::test {

class JoiningRelay {
 public:
  // To the server at this port of 127.0.0.1.
  explicit JoiningRelay(std::uint16_t server_port);
  ~JoiningRelay();
  JoiningRelay(const JoiningRelay&) = delete;
  JoiningRelay& operator=(const JoiningRelay&) = delete;

  std::uint16_t port() const noexcept { return port_; }  // of 127.0.0.1: where clients connect to
  void rebind() noexcept { rebind_wanted_ = true; }
  bool rebound() const noexcept { return rebound_; }
  // Trains with datagrams of more than one connection in them.
  std::uint64_t mixed_trains() const noexcept { return mixed_trains_; }

 private:
  void run();
  void to_server();
  void to_client(int from);
  void send_joined(const std::vector<std::string>& datagrams);
  int open_towards_server() const;

  std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  int client_side_ = -1;
  std::vector<int> server_sides_;  // the last is in use; answers are taken from all
  std::vector<char> client_address_;
  std::atomic<bool> rebind_wanted_ = false;
  std::atomic<bool> rebound_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> mixed_trains_ = 0;
  std::thread thread_;
};

}  // namespace quicore::test
