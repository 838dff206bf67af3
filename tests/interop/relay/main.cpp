// SPDX-License-Identifier: Apache-2.0
//
// quicore-relay LISTEN SERVER OPTION...: a UDP relay between real programs that behaves as the simulator's
// links do (io/sim): this kernel may have no netem. Addresses are ADDRESS:PORT. Options, applied to both
// directions in this order, each direction with a state of its own:
//   drop=P           each datagram is lost with this probability (not more than three in a row)
//   lost=FROM,TO     datagrams to the server with these numbers, from 1, are lost
//   corrupt=P        one bit of it is flipped
//   rate=MBIT        a bottleneck,
//   queue=PACKETS    with this queue (25)
//   delay=MS         one way
//   hole=FROM,TO     nothing passes between these seconds
//   cross=MBIT       datagrams of a stranger fill the bottleneck towards the client at this rate
//   rebind=FIRST,EVERY[,addr]  the client's port (and address, 127.0.0.N) changes after these seconds
//   seed=N
// Ends with SIGTERM, and tells on standard output what passed, was dropped and changed.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/interop/relay/relay.h"

namespace {

volatile sig_atomic_t stopped = 0;

int usage(const std::string& why) {
  std::fprintf(stderr, "quicore-relay: %s\n", why.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace quicore;
  if (argc < 3) return usage("write LISTEN SERVER OPTION..., addresses as 127.0.0.1:4433");
  auto listen = Address::parse_with_port(argv[1]);
  auto server = Address::parse_with_port(argv[2]);
  if (!listen || !server) return usage("write addresses as 127.0.0.1:4433 or [::1]:4433");
  test::RelayOptions options{.listen = *listen, .server = *server};
  for (int i = 3; i < argc; ++i) {
    if (!test::take(argv[i], options)) return usage("unknown option " + std::string(argv[i]));
  }
  signal(SIGTERM, [](int) { stopped = 1; });
  signal(SIGINT, [](int) { stopped = 1; });
  test::Relay relay(options);
  std::printf("ready\n");
  std::fflush(stdout);
  while (stopped == 0) relay.turn();
  std::fputs(relay.statistics().c_str(), stdout);
  return 0;
}
