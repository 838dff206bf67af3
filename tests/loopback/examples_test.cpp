// SPDX-License-Identifier: Apache-2.0
//
// The specification's examples (docs/examples) run against each other over real sockets, on both
// ports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <quicore.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tests/loopback/both_ports.h"

// Each is a program with functions of the same names: a namespace each, and main() becomes one
// more.
#define main example_main
namespace simple_server_example {
#include "docs/examples/simple_server.cpp"
}
namespace simple_client_example {
#include "docs/examples/simple_client.cpp"
}
namespace unidirectional_stream_example {
#include "docs/examples/unidirectional_stream.cpp"
}
namespace datagrams_example {
#include "docs/examples/datagrams.cpp"
}
namespace http3_server_example {
#include "docs/examples/http3_server.cpp"
}
namespace http3_client_example {
#include "docs/examples/http3_client.cpp"
}
#undef main

namespace quicore::test {
namespace {

using namespace std::chrono_literals;

// What an example prints.
class Output {
 public:
  Output() : file_(open_memstream(&text_, &size_)) {}
  ~Output() {
    std::fclose(file_);
    std::free(text_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  std::FILE* file() const noexcept { return file_; }
  std::string text() {
    std::fflush(file_);
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

const DevelopmentIdentity& identity() {
  static const DevelopmentIdentity kIdentity = value_or_throw(make_development_identity());
  return kIdentity;
}

Address anywhere() { return Address::loopback(Family::ipv4, 0); }

class Examples : public OnBothPorts {
 protected:
  Shard& shard() { return runtime_->shard(0); }
  int run(Task<int> main) { return runtime_->run(std::move(main)); }
};

INSTANTIATE_TEST_SUITE_P(Ports, Examples, kBothPorts, name_of_port);

// spec: EV25
TEST_P(Examples, TheSimpleClientGetsHelloWorldFromTheSimpleServer) {
  Output out;
  auto both = [](Shard& here, std::FILE* file) -> Task<int> {
    auto server = simple_server_example::simple_server(here, anywhere(), identity().server);
    const int status = co_await simple_client_example::simple_client(here, *server.address(),
                                                                     identity().client, file);
    co_await server.close();
    co_return status;
  };
  EXPECT_EQ(run(both(shard(), out.file())), EXIT_SUCCESS);
  EXPECT_EQ(out.text(), "Hello World");
}

// spec: EV25
TEST_P(Examples, TheUnidirectionalStreamsArriveWhole) {
  std::vector<std::size_t> sizes;
  auto both = [](Shard& here, std::vector<std::size_t>& into) -> Task<int> {
    auto server = value_or_throw(Endpoint::create(here));
    server.on_session() = [&](Session session) {
      session.on_stream() = [&](StreamEvent event) -> Task<> {
        auto body = co_await event.stream.reader().read_all(1 << 24);
        if (body) into.push_back(body->size());
      };
    };
    value_or_throw(server.listen({.alpn = {"xyz"}, .secure = identity().server}));
    const int status = co_await unidirectional_stream_example::unidirectional_stream(
        here, *server.address(), identity().client);
    co_await server.close();
    co_return status;
  };
  EXPECT_EQ(run(both(shard(), sizes)), EXIT_SUCCESS);
  EXPECT_THAT(sizes, testing::UnorderedElementsAre(11u, std::size_t{1} << 20));
}

// spec: EV25
TEST_P(Examples, TheDatagramComesBack) {
  Output out;
  auto both = [](Shard& here, std::FILE* file) -> Task<int> {
    auto server = value_or_throw(Endpoint::create(here));
    server.on_session() = [](Session session) {
      session.on_datagram() = [](DatagramEvent event) {
        event.session.datagram(event.datagram.bytes());
      };
    };
    value_or_throw(server.listen({.alpn = {"xyz"}, .secure = identity().server}));
    const int status =
        co_await datagrams_example::datagrams(here, *server.address(), identity().client, file);
    co_await server.close();
    co_return status;
  };
  EXPECT_EQ(run(both(shard(), out.file())), EXIT_SUCCESS);
  EXPECT_EQ(out.text(), "hello world datagram");
}

// spec: EV25
TEST_P(Examples, TheHttp3ClientIsAnsweredByTheHttp3Server) {
  Output asked;
  Output answered;
  auto both = [](Shard& here, std::FILE* request, std::FILE* response) -> Task<int> {
    auto server = http3_server_example::http3_server(here, anywhere(), identity().server, request);
    const int status = co_await http3_client_example::http3_client(here, *server.address(),
                                                                   identity().client, response);
    co_await server.close();
    co_return status;
  };
  EXPECT_EQ(run(both(shard(), asked.file(), answered.file())), EXIT_SUCCESS);
  EXPECT_THAT(asked.text(), testing::HasSubstr(":method: POST\n"));
  EXPECT_THAT(asked.text(), testing::EndsWith("hello there"));
  EXPECT_EQ(answered.text(), ":status: 200\ncontent-type: text/plain\nright back at you");
}

}  // namespace
}  // namespace quicore::test
