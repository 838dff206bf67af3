// SPDX-License-Identifier: Apache-2.0
//
// A QUIC endpoint that obeys nobody: client or server in a simulated world, with packet, frame and
// TLS code of its own. By itself it completes handshakes and acknowledges what arrives; beyond that
// it sends exactly the bytes it is told, at any encryption level, and writes down every frame that
// comes back. No loss recovery, no flow control, no limits: for worlds without loss.
//
//   World world(this_test());
//   EngineNode server(world, world.add_host("server"));
//   HostileEndpoint client(world, world.add_host("hostile"), {.side = Side::client});
//   client.connect(server.address());
//   world.run_until([&] { return client.confirmed(); });
//   client.send(Level::application, wire::handshake_done());
//   world.run_for(200ms);
//   EXPECT_EQ(client.close(), (Close{false, 0x0a}));
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/packet_protection_backend.h"
#include "io/random.h"
#include "io/sim/world.h"
#include "tests/support/hostile_tls.h"
#include "tests/support/wire.h"

namespace quicore::test {

inline constexpr std::uint32_t kVersion1 = 0x00000001;
inline constexpr std::uint32_t kVersion2 = 0x6b3343cf;  // RFC 9369

// A CONNECTION_CLOSE frame.
struct Close {
  bool application = false;  // type 0x1d
  std::uint64_t code = 0;
  friend bool operator==(const Close&, const Close&) = default;
};
std::ostream& operator<<(std::ostream& out, const Close& close);

// How a packet differs from an ordinary one.
struct PacketOptions {
  std::optional<std::uint64_t> number{};  // default: the next one
  std::size_t number_size = 4;
  unsigned reserved_bits = 0;  // two bits
  bool fixed_bit = true;
  bool other_key_phase = false;  // the bit alone: the key stays
  bool forged = false;           // an authentication tag that is wrong
  std::optional<std::string> dcid{};
  std::optional<std::string> scid{};
  std::optional<std::string> token{};  // Initial only
  std::optional<std::uint32_t> version{};
};

struct HostileOptions {
  Side side = Side::client;
  std::uint32_t version = kVersion1;
  std::string alpn = "raw";  // empty: no such extension
  int transport_codepoint = 0x39;
  std::function<void(wire::Parameters&)> edit_parameters{};
  // The TLS bytes of one level before they leave in CRYPTO frames.
  std::function<void(Level, std::string&)> edit_crypto{};
  // False: this datagram is not for the endpoint's own code.
  std::function<bool(std::string_view)> on_datagram{};
  std::string session{};              // client: of an earlier endpoint; 0-RTT keys come of it
  std::string certificate{}, key{};   // server: PEM
  std::optional<std::string> scid{};  // default: 8 random bytes
  bool confirms = true;               // server: sends HANDSHAKE_DONE when the handshake is done
  bool acknowledges = true;
  bool pads_initials = true;
};

class HostileEndpoint {
 public:
  HostileEndpoint(sim::World& world, sim::Host& host, HostileOptions options = {});
  ~HostileEndpoint();
  HostileEndpoint(const HostileEndpoint&) = delete;
  HostileEndpoint& operator=(const HostileEndpoint&) = delete;

  Address address() const { return port_->local_address(socket_); }
  sim::Host& host() noexcept { return host_; }

  // Client: sends the ClientHello. `token`: of the Initials.
  void connect(const Address& server, std::string token = {});
  bool completed() const noexcept { return tls_.completed(); }
  bool confirmed() const noexcept { return confirmed_; }  // client: HANDSHAKE_DONE arrived

  // --- sending -----------------------------------------------------------------------------------
  bool has_keys(Level level) const noexcept;
  // One packet of these frames in a datagram of its own; Initials are padded to 1,200 bytes.
  void send(Level level, std::string_view frames, const PacketOptions& options = {});
  std::string packet(Level level, std::string_view frames, const PacketOptions& options = {});
  void send_datagram(std::string_view bytes);
  // From another port of this host: what a NAT or a migrating peer does.
  void send_datagram_from_elsewhere(std::string_view bytes);
  // Bytes of TLS after those of the handshake, in CRYPTO frames of this level.
  void send_crypto(Level level, std::string_view bytes);
  // The next generation of our own 1-RTT keys (RFC 9001 6.1).
  void update_send_key();

  // --- what came -----------------------------------------------------------------------------------
  // The first CONNECTION_CLOSE.
  const std::optional<Close>& close() const noexcept { return close_; }
  const std::vector<wire::Frame>& frames(Level level) const noexcept {
    return frames_[static_cast<std::size_t>(level)];
  }
  std::size_t count_frames(Level level, std::uint64_t type) const noexcept;
  std::string received_on_stream(std::uint64_t id) const;
  wire::Parameters peer_parameters() const {
    return wire::parse_parameters(tls_.peer_parameters());
  }
  const std::string& session() const noexcept { return session_; }
  std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }
  std::uint64_t bytes_received() const noexcept { return bytes_received_; }
  std::uint64_t datagrams_received() const noexcept { return datagrams_received_; }
  const std::string& scid() const noexcept { return scid_; }
  const std::string& dcid() const noexcept { return dcid_; }
  const std::string& first_dcid() const noexcept { return first_dcid_; }
  std::uint64_t next_number(Level level) const noexcept;
  std::uint64_t largest_received(Level level) const noexcept;
  HostileTls& tls() noexcept { return tls_; }

 private:
  struct Keys;
  struct Space {  // of packet numbers
    std::uint64_t next = 0;
    std::set<std::uint64_t> received;
    bool ack_due = false;
  };
  // The CRYPTO stream of one level, each way.
  struct Crypto {
    std::vector<std::pair<std::uint64_t, std::string>> pieces;  // received
    std::uint64_t fed = 0;                                      // to TLS
    std::string next_bytes();
    std::string pending;  // to be sent
    std::uint64_t sent = 0;
  };

  Space& space(Level level) noexcept;
  const Space& space(Level level) const noexcept;
  Crypto& crypto(Level level) noexcept { return crypto_[static_cast<std::size_t>(level)]; }
  std::unique_ptr<Keys>& keys(Level level, bool receive) noexcept;
  void install(Level level, bool receive, std::string_view secret);
  void install_initial(std::string_view id);
  wire::Parameters parameters() const;
  void start_tls();
  void turn();
  void received(std::string_view datagram);
  std::size_t received_packet(std::string_view bytes);
  bool open(Level level, std::string_view packet, std::size_t number_offset);
  void received_frame(Level level, const wire::Frame& frame);
  void received_crypto(Level level, const wire::Frame& frame);
  void flush_crypto();
  void send_acks();
  void send_on(io::SocketId socket, std::string_view bytes);
  std::string random_bytes(std::size_t size);

  sim::World& world_;
  sim::Host& host_;
  HostileOptions options_;
  io::Random random_;
  std::unique_ptr<sim::SimPort> port_;
  io::SocketId socket_{};
  std::optional<io::SocketId> other_socket_;
  Address peer_;
  HostileTls tls_;
  std::string scid_, dcid_, first_dcid_, token_;
  bool server_id_known_ = false;
  std::array<std::array<std::unique_ptr<Keys>, 2>, kLevels> keys_;
  std::array<Space, 3> spaces_;
  std::array<Crypto, kLevels> crypto_;
  std::array<std::vector<wire::Frame>, kLevels> frames_;
  std::vector<std::string> undecryptable_;  // until the keys come
  bool send_key_phase_ = false;
  bool receive_key_phase_ = false;
  bool confirmed_ = false;
  std::optional<Close> close_;
  std::string session_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  std::uint64_t datagrams_received_ = 0;
};

}  // namespace quicore::test
