// SPDX-License-Identifier: Apache-2.0
#include "tools/common/sha256.h"

#include <wolfssl/options.h>
// The options come first: they decide the size of every type below.
#include <fcntl.h>
#include <unistd.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

#include "io/check.h"

namespace quicore::tools {
namespace {

constexpr std::size_t kReadSize = 1 << 20;

std::unexpected<Error> cannot_read(const std::filesystem::path& path) {
  const int number = errno;
  return std::unexpected(
      Error::system(number, "cannot read " + path.string() + ": " + std::strerror(number)));
}

}  // namespace

struct Sha256Hasher::State {
  wc_Sha256 hash;
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {
  QUICORE_CHECK(wc_InitSha256(&state_->hash) == 0);
}

Sha256Hasher::~Sha256Hasher() { wc_Sha256Free(&state_->hash); }

void Sha256Hasher::update(std::span<const std::byte> bytes) {
  constexpr std::size_t kMost = std::numeric_limits<word32>::max();
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kMost));
    QUICORE_CHECK(wc_Sha256Update(&state_->hash, reinterpret_cast<const byte*>(piece.data()),
                                  static_cast<word32>(piece.size())) == 0);
    bytes = bytes.subspan(piece.size());
  }
}

std::string Sha256Hasher::finish() {
  std::array<byte, WC_SHA256_DIGEST_SIZE> digest{};
  QUICORE_CHECK(wc_Sha256Final(&state_->hash, digest.data()) == 0);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const byte value : digest) {
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

Result<std::string> sha256_of_file(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot_read(path);
  std::vector<std::byte> buffer(kReadSize);
  Sha256Hasher hash;
  ssize_t size = 0;
  while ((size = read(fd, buffer.data(), buffer.size())) != 0) {
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) break;
    hash.update(std::span(buffer).first(static_cast<std::size_t>(size)));
  }
  const int error = errno;
  close(fd);
  errno = error;
  if (size < 0) return cannot_read(path);
  return hash.finish();
}

}  // namespace quicore::tools
