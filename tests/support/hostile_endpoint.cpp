// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hostile_endpoint.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "engine/packet_protection_keys.h"
#include "io/check.h"

namespace quicore::test {

using engine::kAeadTagSize;
using engine::kHeaderSampleSize;

namespace {

constexpr std::size_t kIdSize = 8;
constexpr std::size_t kMinInitialDatagram = 1200;  // RFC 9000 14.1
constexpr std::size_t kCryptoPerPacket = 1000;

std::span<const std::uint8_t> octets(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::uint8_t byte_at(std::string_view text, std::size_t index) {
  QUICORE_CHECK(index < text.size());
  return static_cast<std::uint8_t>(text[index]);
}

// RFC 9000 17.2 and RFC 9369 3.2.
unsigned type_bits(Level level, std::uint32_t version) {
  const unsigned type = level == Level::initial ? 0 : level == Level::early ? 1 : 2;
  return version == kVersion2 ? (type + 1) % 4 : type;
}

std::optional<Level> level_of_type(unsigned bits, std::uint32_t version) {
  const unsigned type = version == kVersion2 ? (bits + 3) % 4 : bits;
  if (type == 3) return std::nullopt;  // Retry
  return type == 0 ? Level::initial : type == 1 ? Level::early : Level::handshake;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Close& close) {
  return out << (close.application ? "application 0x" : "transport 0x") << std::hex << close.code
             << std::dec;
}

struct HostileEndpoint::Keys {
  Keys(std::uint32_t of_version, std::string_view of_secret)
      : version(of_version), secret(of_secret) {
    QUICORE_CHECK(engine::derive_packet_keys(material, version, functions.suite, octets(secret)));
    aead = functions.make_aead_key(functions, material.key.data());
    header = functions.make_header_key(functions, material.header_key.data());
    QUICORE_CHECK(aead != nullptr && header != nullptr);
  }
  ~Keys() {
    engine::destroy(aead);
    engine::destroy(header);
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  std::array<std::uint8_t, engine::kAeadNonceSize> nonce(std::uint64_t number) const {
    auto nonce = material.iv;
    for (std::size_t i = 0; i < 8; ++i) {
      nonce[nonce.size() - 1 - i] ^= static_cast<std::uint8_t>(number >> (8 * i));
    }
    return nonce;
  }
  std::array<std::uint8_t, kHeaderSampleSize> mask(std::string_view sample) const {
    std::array<std::uint8_t, kHeaderSampleSize> mask{};
    QUICORE_CHECK(functions.header_mask(header, mask.data(), octets(sample).data()));
    return mask;
  }
  // The header-protection key stays (RFC 9001 6.1).
  void update() {
    std::string next(secret.size(), '\0');
    QUICORE_CHECK(engine::derive_next_secret(reinterpret_cast<std::uint8_t*>(next.data()), version,
                                             functions.suite, octets(secret)));
    secret = next;
    QUICORE_CHECK(engine::derive_packet_keys(material, version, functions.suite, octets(secret)));
    engine::destroy(aead);
    aead = functions.make_aead_key(functions, material.key.data());
  }

  const engine::CipherFunctions& functions = *engine::cipher_functions(
      engine::AeadBackend::wolfcrypt, engine::CipherSuite::aes_128_gcm_sha256);
  std::uint32_t version;
  std::string secret;
  engine::PacketKeys material;
  engine::AeadKey* aead = nullptr;
  engine::HeaderKey* header = nullptr;
};

// --- life ------------------------------------------------------------------------------------------

HostileEndpoint::HostileEndpoint(sim::World& world, sim::Host& host, HostileOptions options)
    : world_(world),
      host_(host),
      options_(std::move(options)),
      random_(io::Random::seeded(world.new_seed())),
      port_(world.add_port(host, {.slots = 1024})) {
  io::SocketOptions socket;
  socket.bind_address = host.address_with_port(0);
  socket_ = port_->open(socket).value();
  scid_ = options_.scid.value_or(random_bytes(kIdSize));
  world.drive(*port_, [this](Instant) { turn(); });
  tls_.on_secret = [this](Level level, bool receive, std::string_view secret) {
    install(level, receive, secret);
  };
  tls_.on_crypto = [this](Level level, std::string_view bytes) {
    crypto(level).pending.append(bytes);
  };
}

HostileEndpoint::~HostileEndpoint() = default;

std::string HostileEndpoint::random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  random_.fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

void HostileEndpoint::connect(const Address& server, std::string token) {
  peer_ = server;
  token_ = std::move(token);
  first_dcid_ = dcid_ = random_bytes(kIdSize);
  install_initial(dcid_);
  start_tls();
  tls_.advance(Level::initial, {});
  flush_crypto();
}

wire::Parameters HostileEndpoint::parameters() const {
  constexpr std::uint64_t kCredit = 1 << 20;
  wire::Parameters list;
  if (options_.side == Side::server) wire::set(list, wire::kOriginalDcid, first_dcid_);
  wire::set(list, wire::kInitialScid, scid_);
  wire::set(list, wire::kMaxIdleTimeout, std::uint64_t{30'000});
  wire::set(list, wire::kInitialMaxData, 4 * kCredit);
  wire::set(list, wire::kInitialMaxStreamDataBidiLocal, kCredit);
  wire::set(list, wire::kInitialMaxStreamDataBidiRemote, kCredit);
  wire::set(list, wire::kInitialMaxStreamDataUni, kCredit);
  wire::set(list, wire::kInitialMaxStreamsBidi, std::uint64_t{100});
  wire::set(list, wire::kInitialMaxStreamsUni, std::uint64_t{100});
  wire::set(list, wire::kMaxDatagramFrameSize, std::uint64_t{65535});
  if (options_.edit_parameters) options_.edit_parameters(list);
  return list;
}

void HostileEndpoint::start_tls() {
  HostileTls::Settings settings;
  settings.side = options_.side;
  settings.alpn = options_.alpn;
  settings.transport_params = wire::encode(parameters());
  settings.codepoint = options_.transport_codepoint;
  settings.session = options_.session;
  settings.certificate = options_.certificate;
  settings.key = options_.key;
  settings.random = &random_;
  tls_.start(settings);
}

// --- keys ------------------------------------------------------------------------------------------

std::unique_ptr<HostileEndpoint::Keys>& HostileEndpoint::keys(Level level, bool receive) noexcept {
  return keys_[static_cast<std::size_t>(level)][receive ? 1 : 0];
}

bool HostileEndpoint::has_keys(Level level) const noexcept {
  return keys_[static_cast<std::size_t>(level)][0] != nullptr;
}

void HostileEndpoint::install(Level level, bool receive, std::string_view secret) {
  keys(level, receive) = std::make_unique<Keys>(options_.version, secret);
}

void HostileEndpoint::install_initial(std::string_view id) {
  engine::InitialSecrets secrets;
  QUICORE_CHECK(engine::derive_initial_secrets(secrets, options_.version, octets(id)));
  const auto text = [](const auto& secret) {
    return std::string_view(reinterpret_cast<const char*>(secret.data()), secret.size());
  };
  const bool client = options_.side == Side::client;
  install(Level::initial, true, text(client ? secrets.server : secrets.client));
  install(Level::initial, false, text(client ? secrets.client : secrets.server));
}

void HostileEndpoint::update_send_key() {
  keys(Level::application, false)->update();
  send_key_phase_ = !send_key_phase_;
}

HostileEndpoint::Space& HostileEndpoint::space(Level level) noexcept {
  return spaces_[level == Level::initial ? 0 : level == Level::handshake ? 1 : 2];
}
const HostileEndpoint::Space& HostileEndpoint::space(Level level) const noexcept {
  return spaces_[level == Level::initial ? 0 : level == Level::handshake ? 1 : 2];
}

std::uint64_t HostileEndpoint::next_number(Level level) const noexcept { return space(level).next; }
std::uint64_t HostileEndpoint::largest_received(Level level) const noexcept {
  QUICORE_CHECK(!space(level).received.empty());
  return *space(level).received.rbegin();
}

// --- sending ---------------------------------------------------------------------------------------

std::string HostileEndpoint::packet(Level level, std::string_view frames,
                                    const PacketOptions& options) {
  const Keys* key = keys(level, false).get();
  QUICORE_CHECK(key != nullptr);
  const std::uint64_t number = options.number.value_or(space(level).next);
  space(level).next = std::max(space(level).next, number + 1);
  std::string payload(frames);
  // The sample must lie inside of the packet (RFC 9001 5.4.2).
  if (payload.size() + options.number_size < 4 && !frames.empty()) payload.resize(4, '\0');

  const std::string& dcid = options.dcid ? *options.dcid : dcid_;
  unsigned first = static_cast<unsigned>(options.number_size - 1);
  if (options.fixed_bit) first |= 0x40;
  std::string header;
  if (level == Level::application) {
    first |= options.reserved_bits << 3;
    if (send_key_phase_ != options.other_key_phase) first |= 0x04;
    header += static_cast<char>(first);
    header.append(dcid);
  } else {
    const std::uint32_t version = options.version.value_or(options_.version);
    const std::string& scid = options.scid ? *options.scid : scid_;
    first |= 0x80 | type_bits(level, version) << 4 | options.reserved_bits << 2;
    header += static_cast<char>(first);
    header.append(wire::big_endian(version, 4));
    header += static_cast<char>(dcid.size());
    header.append(dcid);
    header += static_cast<char>(scid.size());
    header.append(scid);
    if (level == Level::initial) {
      const std::string& token = options.token ? *options.token : token_;
      header.append(wire::varint(token.size())).append(token);
    }
    header.append(wire::varint(options.number_size + payload.size() + kAeadTagSize, 2));
  }
  const std::size_t number_offset = header.size();
  header.append(wire::big_endian(number, 8).substr(8 - options.number_size));

  std::string packet = header;
  packet.resize(header.size() + payload.size() + kAeadTagSize);
  auto* out = reinterpret_cast<std::uint8_t*>(packet.data()) + header.size();
  const auto nonce = key->nonce(number);
  QUICORE_CHECK(key->functions.seal(key->aead, out, octets(payload).data(), payload.size(),
                                    nonce.data(), octets(header).data(), header.size()));
  if (options.forged) packet.back() = static_cast<char>(packet.back() ^ 1);
  // Too short for a sample: leave it to the receiver to find that out.
  if (packet.size() < number_offset + 4 + kHeaderSampleSize) return packet;
  const auto mask = key->mask(std::string_view(packet).substr(number_offset + 4));
  const unsigned covered = level == Level::application ? 0x1f : 0x0f;
  packet[0] = static_cast<char>(byte_at(packet, 0) ^ (mask[0] & covered));
  for (std::size_t i = 0; i < options.number_size; ++i) {
    packet[number_offset + i] = static_cast<char>(byte_at(packet, number_offset + i) ^ mask[1 + i]);
  }
  return packet;
}

void HostileEndpoint::send(Level level, std::string_view frames, const PacketOptions& options) {
  std::string padded(frames);
  if (level == Level::initial && options_.pads_initials && !frames.empty()) {
    PacketOptions dry = options;
    dry.number = options.number.value_or(space(level).next);
    const std::size_t size = packet(level, frames, dry).size();
    if (size < kMinInitialDatagram) padded.append(kMinInitialDatagram - size, '\0');
    return send_datagram(packet(level, padded, dry));
  }
  send_datagram(packet(level, padded, options));
}

void HostileEndpoint::send_on(io::SocketId socket, std::string_view bytes) {
  io::SendSlot* slot = port_->lease();
  QUICORE_CHECK(slot != nullptr);
  std::memcpy(slot->bytes, bytes.data(), bytes.size());
  slot->size = slot->segment_size = static_cast<std::uint32_t>(bytes.size());
  slot->socket = socket;
  slot->ecn = io::Ecn::not_ect;
  slot->remote = peer_;
  slot->local = {};
  port_->send(slot);
  bytes_sent_ += bytes.size();
}

void HostileEndpoint::send_datagram(std::string_view bytes) { send_on(socket_, bytes); }

void HostileEndpoint::send_datagram_from_elsewhere(std::string_view bytes) {
  if (!other_socket_) {
    io::SocketOptions socket;
    socket.bind_address = host_.address_with_port(0);
    other_socket_ = port_->open(socket).value();
  }
  send_on(*other_socket_, bytes);
}

void HostileEndpoint::send_crypto(Level level, std::string_view bytes) {
  Crypto& stream = crypto(level);
  send(level, wire::crypto(stream.sent, bytes));
  stream.sent += bytes.size();
}

void HostileEndpoint::flush_crypto() {
  for (const Level level : {Level::initial, Level::handshake, Level::application}) {
    std::string flight = std::exchange(crypto(level).pending, {});
    if (flight.empty()) continue;
    if (options_.edit_crypto) options_.edit_crypto(level, flight);
    for (std::size_t at = 0; at < flight.size(); at += kCryptoPerPacket) {
      send_crypto(level, std::string_view(flight).substr(at, kCryptoPerPacket));
    }
  }
}

void HostileEndpoint::send_acks() {
  if (!options_.acknowledges) return;
  for (const Level level : {Level::initial, Level::handshake, Level::application}) {
    Space& numbers = space(level);
    if (!std::exchange(numbers.ack_due, false) || keys(level, false) == nullptr) continue;
    // Whatever is missing in between was never sent: worlds here lose nothing.
    const std::uint64_t largest = *numbers.received.rbegin();
    std::uint64_t count = 0;
    while (count < largest && numbers.received.contains(largest - count - 1)) ++count;
    send(level, wire::ack(largest, count));
  }
}

// --- receiving -------------------------------------------------------------------------------------

void HostileEndpoint::turn() {
  port_->wait(kNever);
  for (io::ReceivedTrain& train : port_->received()) {
    if (options_.side == Side::server && peer_.empty()) peer_ = train.remote;
    std::string_view rest(reinterpret_cast<const char*>(train.bytes.data()), train.bytes.size());
    while (!rest.empty()) {
      const std::size_t size = std::min<std::size_t>(train.segment_size, rest.size());
      received(rest.substr(0, size));
      rest.remove_prefix(size);
    }
  }
  send_acks();
}

void HostileEndpoint::received(std::string_view datagram) {
  ++datagrams_received_;
  bytes_received_ += datagram.size();
  if (options_.on_datagram && !options_.on_datagram(datagram)) return;
  while (!datagram.empty()) {
    const std::size_t size = received_packet(datagram);
    if (size == 0 || size > datagram.size()) return;
    datagram.remove_prefix(size);
  }
}

// The size of the packet; 0: there is nothing more that can be read.
std::size_t HostileEndpoint::received_packet(std::string_view bytes) {
  if ((byte_at(bytes, 0) & 0x80) == 0) {
    if (keys(Level::application, true) == nullptr) {
      undecryptable_.emplace_back(bytes);
    } else {
      open(Level::application, bytes, 1 + scid_.size());
    }
    return bytes.size();
  }
  std::string_view rest = bytes.substr(5);
  const auto take = [&](std::size_t size) {
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  };
  const std::uint32_t version = static_cast<std::uint32_t>(byte_at(bytes, 1)) << 24 |
                                static_cast<std::uint32_t>(byte_at(bytes, 2)) << 16 |
                                static_cast<std::uint32_t>(byte_at(bytes, 3)) << 8 |
                                byte_at(bytes, 4);
  const auto level = level_of_type(byte_at(bytes, 0) >> 4 & 3, version);
  if (version == 0 || !level) return 0;  // Version Negotiation, Retry: for on_datagram
  const std::string dcid(take(byte_at(take(1), 0)));
  const std::string scid(take(byte_at(take(1), 0)));
  if (*level == Level::initial) take(wire::take_varint(rest));
  const std::uint64_t length = wire::take_varint(rest);
  const std::size_t number_offset = bytes.size() - rest.size();
  const std::size_t size = number_offset + length;
  if (options_.side == Side::server && !tls_.started()) {
    options_.version = version;
    first_dcid_ = dcid;
    dcid_ = scid;
    install_initial(dcid);
    start_tls();
  } else if (options_.side == Side::client && !server_id_known_) {
    server_id_known_ = true;
    dcid_ = scid;
  }
  const std::string packet(bytes.substr(0, size));
  if (keys(*level, true) == nullptr) {
    undecryptable_.push_back(packet);
  } else {
    open(*level, packet, number_offset);
  }
  return size;
}

bool HostileEndpoint::open(Level level, std::string_view packet, std::size_t number_offset) {
  Keys* key = keys(level, true).get();
  if (key == nullptr || packet.size() < number_offset + 4 + kHeaderSampleSize) return false;
  std::string header(packet.substr(0, number_offset + 4));
  const auto mask = key->mask(packet.substr(number_offset + 4));
  const unsigned covered = level == Level::application ? 0x1f : 0x0f;
  header[0] = static_cast<char>(byte_at(header, 0) ^ (mask[0] & covered));
  const std::size_t number_size = (byte_at(header, 0) & 3u) + 1;
  header.resize(number_offset + number_size);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < number_size; ++i) {
    header[number_offset + i] = static_cast<char>(byte_at(header, number_offset + i) ^ mask[1 + i]);
    number = number << 8 | byte_at(header, number_offset + i);
  }
  // RFC 9000 A.3, without its corner cases: connections here are short.
  const std::uint64_t window = std::uint64_t{1} << (8 * number_size);
  const Space& numbers = space(level);
  const std::uint64_t expected = numbers.received.empty() ? 0 : *numbers.received.rbegin() + 1;
  number |= expected & ~(window - 1);
  if (number + window / 2 <= expected) number += window;

  const bool phase = (byte_at(header, 0) & 0x04) != 0;
  if (level == Level::application && phase != receive_key_phase_) {
    key->update();
    receive_key_phase_ = phase;
  }
  const std::string_view sealed = packet.substr(header.size());
  std::string payload(sealed.size(), '\0');
  if (!key->functions.open(key->aead, reinterpret_cast<std::uint8_t*>(payload.data()),
                           octets(sealed).data(), sealed.size(), key->nonce(number).data(),
                           octets(header).data(), header.size())) {
    return false;
  }
  payload.resize(sealed.size() - kAeadTagSize);
  space(level).received.insert(number);
  for (const wire::Frame& frame : wire::parse_frames(payload)) received_frame(level, frame);
  return true;
}

void HostileEndpoint::received_frame(Level level, const wire::Frame& frame) {
  frames_[static_cast<std::size_t>(level)].push_back(frame);
  const bool is_ack = frame.type == 0x02 || frame.type == 0x03;
  const bool is_close = frame.type == 0x1c || frame.type == 0x1d;
  if (!is_ack && !is_close) space(level).ack_due = true;
  if (is_close && !close_) close_ = Close{frame.type == 0x1d, frame.numbers[0]};
  if (frame.type == 0x1e) confirmed_ = true;
  if (frame.type == 0x06) received_crypto(level, frame);
}

// Libraries send the pieces of a ClientHello out of order on purpose.
std::string HostileEndpoint::Crypto::next_bytes() {
  std::string bytes;
  bool found = true;
  while (found) {
    found = false;
    for (const auto& [offset, data] : pieces) {
      if (offset > fed || offset + data.size() <= fed) continue;
      bytes.append(data.substr(fed - offset));
      fed = offset + data.size();
      found = true;
    }
  }
  return bytes;
}

void HostileEndpoint::received_crypto(Level level, const wire::Frame& frame) {
  Crypto& stream = crypto(level);
  stream.pieces.emplace_back(frame.numbers[0], frame.data);
  const std::string fresh = stream.next_bytes();
  if (fresh.empty()) return;
  const bool before = tls_.completed();
  tls_.advance(level, fresh);
  flush_crypto();
  if (tls_.completed() && level == Level::application) session_ = tls_.session();
  if (!before && tls_.completed() && options_.side == Side::server && options_.confirms) {
    send(Level::application, wire::handshake_done());
  }
  for (const std::string& packet : std::exchange(undecryptable_, {})) received_packet(packet);
}

std::size_t HostileEndpoint::count_frames(Level level, std::uint64_t type) const noexcept {
  return static_cast<std::size_t>(std::ranges::count(frames(level), type, &wire::Frame::type));
}

std::string HostileEndpoint::received_on_stream(std::uint64_t id) const {
  std::string bytes;
  for (const wire::Frame& frame : frames(Level::application)) {
    if (frame.type < 0x08 || frame.type > 0x0f || frame.numbers[0] != id) continue;
    const std::uint64_t offset = frame.numbers[1];
    if (offset + frame.data.size() > bytes.size()) bytes.resize(offset + frame.data.size());
    bytes.replace(offset, frame.data.size(), frame.data);
  }
  return bytes;
}

}  // namespace quicore::test
