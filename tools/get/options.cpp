// SPDX-License-Identifier: Apache-2.0
#include "tools/get/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <utility>

#include "tools/common/options.h"
#include "tools/common/protocol_options.h"

namespace quicore::tools {

namespace {

constexpr const char* kDescription =
    "Fetches URLs over HTTP/3 (or hq-interop), many at a time over one connection per origin.\n"
    "\n"
    "Exit status: 0 every answer was complete and 2xx, 1 some were not, 2 wrong usage,\n"
    "3 no connection, 4 a file could not be written.";

constexpr std::uint32_t kMostParallel = 10'000;
constexpr std::uint32_t kMostRedirects = 100;
constexpr std::chrono::milliseconds kShortestWait{1};

void add_options(CLI::App& app, GetOptions& options, std::vector<std::string>& urls,
                 std::string& input_file, std::vector<std::string>& headers) {
  app.add_option("urls", urls, "https://HOST[:PORT]/PATH ...");
  add_input_file(app, "--input-file", input_file, "more URLs, one per line");
  app.add_option("--output,-o", options.output, "write the one answer here; - is standard output");
  app.add_option("--output-dir", options.output_directory,
                 "write each answer below this directory, under the URL's path");
  app.add_flag(
      "--continue,-C", options.go_on,
      "keep what arrived of a file when the transfer breaks, and ask for the rest next time");
  app.add_flag("--location,-L", options.follow_redirects, "follow redirects, to other servers too");
  add_number(app, "--max-redirects", options.max_redirects, 1, kMostRedirects,
             "redirects of one URL to follow");
  add_number(app, "--parallel", options.parallel, 1, kMostParallel,
             "requests at a time per connection");
  add_choice<std::string>(app, "--alpn", options.alpn, {{"h3", "h3"}, {"hq-interop", "hq-interop"}},
                          "h3 or hq-interop (HTTP/0.9)");
  app.add_option("--method", options.method, "request method; GET, or POST with --data");
  add_input_file(app, "--data", options.data_file, "send this file as the body");
  app.add_option("--header", headers, "'name: value', may be repeated")
      ->allow_extra_args(false)  // or it would take the URLs as well
      ->type_name("FIELD");
  app.add_option("--session-file", options.session_file,
                 "resume the session kept here, and keep the next one");
  app.add_flag("--early-data", options.early_data,
               "send requests in 0-RTT when the session file allows: they can be replayed");
  app.add_flag("--key-update", options.key_update, "update the keys once, in mid transfer");
  app.add_flag("--insecure", options.insecure, "do not verify the server's certificate");
  add_input_file(app, "--ca", options.ca, "trust these certificates, PEM");
  add_crl(app, options.crl);
  add_choice<OcspWish>(
      app, "--ocsp", options.ocsp,
      {{"off", OcspWish::off}, {"show", OcspWish::show}, {"require", OcspWish::require}},
      "the status of the certificate: off, show what the server staples, or require it");
  add_identity(app, options.identity, " to show when the server asks");
  add_psk(app, options.psk);
  add_preferred_address_choice(app, options.use_preferred_address);
  add_parsed(app, "--migrate-after", options.migrate_after,
             "go on from another port, with path validation, after", parse_duration)
      ->type_name("DURATION");
  add_parsed(app, "--rebind-after", options.rebind_after,
             "the same without a word to the server, as behind a NAT, after", parse_duration)
      ->type_name("DURATION");
  add_duration(app, "--timeout", options.timeout, "give up after", kShortestWait);
  add_duration(app, "--connect-timeout", options.connect_timeout, "give up connecting after",
               kShortestWait);
  add_window(app, options.window);
  add_port_kind(app, options.port);
  add_versions(app, options.versions);
  add_ciphers(app, options.ciphers);
  add_keylog(app, options.keylog);
  add_qlog(app, options.qlog);
  app.add_flag("--json", options.json, "print the results as one line of JSON");
  app.add_flag("--quiet", options.quiet, "no progress line, no summary");
}

void read_urls(const std::string& input_file, std::vector<std::string>& urls) {
  if (input_file.empty()) return;
  std::ifstream file(input_file);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') urls.push_back(line);
  }
}

std::pair<std::string, std::string> split_header(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0) {
    refuse_option("--header", "write 'name: value', not \"" + text + "\"");
  }
  const std::size_t value = text.find_first_not_of(" \t", colon + 1);
  return {text.substr(0, colon), value == std::string::npos ? "" : text.substr(value)};
}

void take_urls(const std::vector<std::string>& urls, GetOptions& options) {
  if (urls.empty()) refuse_option("urls", "name at least one URL, as in https://localhost:4433/");
  for (const std::string& text : urls) {
    auto url = parse_url(text);
    if (!url) refuse_option("urls", url.error().reason);
    options.urls.push_back(std::move(*url));
  }
}

void check_combination(const GetOptions& options) {
  if (!options.output.empty() && options.urls.size() > 1) {
    refuse_option("--output", "takes one URL; use --output-dir for several");
  }
  if (!options.output.empty() && !options.output_directory.empty()) {
    refuse_option("--output-dir", "an answer goes to one place: give --output or --output-dir");
  }
  check_identity(options.identity);
  if (!options.crl.empty() && options.ca.empty()) {
    refuse_option("--crl", "lists what CAs have revoked: name those CAs by --ca");
  }
  if (options.ocsp != OcspWish::off && options.early_data) {
    refuse_option("--ocsp", "comes after requests in 0-RTT have left: leave --early-data out");
  }
  const bool one_origin = std::ranges::all_of(
      options.urls, [&](const Url& url) { return url.origin() == options.urls.front().origin(); });
  if (!options.session_file.empty() && !one_origin) {
    refuse_option("--session-file", "holds a session of one server: give URLs of one origin");
  }
  if (options.early_data && options.session_file.empty()) {
    refuse_option("--early-data", "0-RTT needs a session to resume: give --session-file");
  }
  if (options.go_on && options.output_directory.empty() &&
      (options.output.empty() || options.output == "-")) {
    refuse_option("--continue", "needs a file to go on with: give --output or --output-dir");
  }
  if (options.go_on && !options.data_file.empty()) {
    refuse_option("--continue", "is for downloads: leave --data out");
  }
  if (options.alpn != "h3" && (options.go_on || options.follow_redirects)) {
    refuse_option("--alpn", "hq-interop has no fields: leave --continue and --location out");
  }
  if (options.alpn != "h3" &&
      (!options.headers.empty() || !options.method.empty() || !options.data_file.empty())) {
    refuse_option("--alpn", "hq-interop knows GET alone: leave --header, --method and --data out");
  }
}

}  // namespace

GetOptions parse_get_options(int argc, char** argv) {
  GetOptions options;
  std::vector<std::string> urls;
  std::vector<std::string> headers;
  std::string input_file;
  CLI::App app(kDescription, "quicore-get");
  app.set_version_flag("--version", QUICORE_VERSION);
  add_options(app, options, urls, input_file, headers);
  parse_or_exit(app, argc, argv, [&] {
    read_urls(input_file, urls);
    take_urls(urls, options);
    for (const std::string& header : headers) options.headers.push_back(split_header(header));
    check_combination(options);
  });
  return options;
}

SessionConfig session_config_of(const GetOptions& options, const Url& url) {
  SessionConfig config;
  config.alpn = {options.alpn};
  config.hostname = url.host;
  config.versions = options.versions;
  if (options.insecure) config.secure.verify = Verify::none;
  if (!options.ca.empty()) config.secure.ca = {Pem::file(options.ca)};
  if (!options.crl.empty()) config.secure.crl = {Pem::file(options.crl)};
  apply_identity(options.identity, config.secure);
  config.secure.psk = options.psk;
  config.secure.ocsp = options.ocsp != OcspWish::off;
  config.use_preferred_address = options.use_preferred_address;
  config.secure.early_data = options.early_data;
  config.secure.ciphers = options.ciphers;
  config.handshake_timeout = options.connect_timeout;
  config.transport.initial_max_data = options.window;
  config.transport.initial_max_stream_data_bidi_local = options.window / 2;
  return config;
}

}  // namespace quicore::tools
