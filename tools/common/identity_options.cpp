// SPDX-License-Identifier: Apache-2.0
#include "tools/common/identity_options.h"

#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/common/hex.h"
#include "tools/common/options.h"

namespace quicore::tools {

namespace {

constexpr std::size_t kLongestPskKey = 64;  // these two are what TLS takes, see quicore::Psk
constexpr std::size_t kLongestPskIdentity = 128;

// The first line, without its end.
Parsed<std::string> read_passphrase(const std::string& path) {
  if (auto readable = parse_input_file(path); !readable) return readable;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  if (line.ends_with('\r')) line.pop_back();
  if (!line.empty()) return line;
  return std::unexpected("the first line of \"" + path +
                         "\" is empty: it has to be the passphrase");
}

std::optional<Psk> parse_psk(const std::string& line) {
  const std::size_t colon = line.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon > kLongestPskIdentity) return std::nullopt;
  const auto key = from_hex(std::string_view(line).substr(colon + 1));
  if (!key || key->empty() || key->size() > kLongestPskKey) return std::nullopt;
  Psk psk{line.substr(0, colon), {}};
  for (const std::byte byte : *key) psk.key.push_back(std::to_integer<std::uint8_t>(byte));
  return psk;
}

Parsed<PskKeys> read_psk(const std::string& path) {
  if (auto readable = parse_input_file(path); !readable) {
    return std::unexpected(std::move(readable.error()));
  }
  std::ifstream file(path);
  Psk first;
  std::map<std::string, std::vector<std::uint8_t>> keys;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const auto psk = parse_psk(line);
    const std::string where = "line " + std::to_string(number) + " of \"" + path + "\" ";
    if (!psk) {
      return std::unexpected(where +
                             "cannot be taken: write IDENTITY:HEX, an identity of 1 to 128 "
                             "characters and a key of 1 to 64 bytes");
    }
    if (keys.empty()) first = *psk;
    if (!keys.emplace(psk->identity, psk->key).second) {
      return std::unexpected(where + "names its identity a second time: give each one key");
    }
  }
  if (keys.empty()) return std::unexpected("\"" + path + "\" is empty: write lines IDENTITY:HEX");
  return std::make_shared<const PskFunction>([first, keys](std::string_view identity) {
    if (identity.empty()) return first;
    const auto found = keys.find(std::string(identity));
    return found == keys.end() ? Psk{} : Psk{found->first, found->second};
  });
}

}  // namespace

void add_identity(CLI::App& app, IdentityOptions& target, const std::string& whose) {
  add_input_file(app, "--cert", target.certificate,
                 "certificate chain" + whose + ", PEM; needs --key");
  add_input_file(app, "--key", target.key, "private key, PEM; needs --cert");
  add_input_file(app, "--pfx", target.pfx, "both in a PKCS#12 file, instead");
  add_parsed(app, "--passphrase-file", target.passphrase,
             "the first line opens an encrypted --key or --pfx", read_passphrase)
      ->type_name("FILE");
}

void check_identity(const IdentityOptions& options) {
  if (options.certificate.empty() != options.key.empty()) {
    refuse_option(options.certificate.empty() ? "--key" : "--cert",
                  "a certificate and its key go together: give --cert and --key");
  }
  if (!options.pfx.empty() && !options.certificate.empty()) {
    refuse_option("--pfx", "holds a certificate and its key: leave --cert and --key out");
  }
  if (!options.passphrase.empty() && !options.given()) {
    refuse_option("--passphrase-file", "opens a private key: give --key or --pfx");
  }
}

void apply_identity(const IdentityOptions& options, TlsSettings& settings) {
  if (!options.certificate.empty()) {
    settings.certificate = {Pem::file(options.certificate)};
    settings.key = {Pem::file(options.key)};
  }
  if (!options.pfx.empty()) settings.pfx = {Pem::file(options.pfx)};
  settings.passphrase = options.passphrase;
}

CLI::Option* add_psk(CLI::App& app, PskKeys& target) {
  return add_parsed(app, "--psk", target, "pre-shared keys, lines IDENTITY:HEX", read_psk)
      ->type_name("FILE");
}

CLI::Option* add_crl(CLI::App& app, std::string& target) {
  return add_input_file(app, "--crl", target, "refuse what these lists revoke, PEM");
}

CLI::Option* add_preferred_address_choice(CLI::App& app, bool& use) {
  return add_choice<bool>(app, "--preferred-address", use, {{"use", true}, {"ignore", false}},
                          "move to the address that the server prefers: use or ignore");
}

}  // namespace quicore::tools
