// SPDX-License-Identifier: Apache-2.0
#include "tools/get/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>

#include "tools/common/options.h"
#include "tools/common/protocol_options.h"

namespace quicore::tools {

namespace {

constexpr const char* kDescription =
    "Fetches URLs over HTTP/3 (or hq-interop), many at a time over one connection per origin.\n"
    "\n"
    "Exit status: 0 every answer was complete and 2xx, 1 some were not, 2 wrong usage,\n"
    "3 no connection, 4 a file could not be written.";

void add_options(CLI::App& app, GetOptions& options, std::vector<std::string>& urls,
                 std::string& input_file, std::vector<std::string>& headers) {
  app.add_option("urls", urls, "https://HOST[:PORT]/PATH ...");
  app.add_option("--input-file", input_file, "more URLs, one per line")->check(CLI::ExistingFile);
  app.add_option("--output,-o", options.output, "write the one answer here; - is standard output");
  app.add_option("--output-dir", options.output_directory,
                 "write each answer below this directory, under the URL's path");
  app.add_option("--parallel", options.parallel, "requests at a time per connection")
      ->check(CLI::Range(1U, 10'000U))
      ->capture_default_str();
  app.add_option("--alpn", options.alpn, "h3 or hq-interop (HTTP/0.9)")
      ->check(CLI::IsMember({"h3", "hq-interop"}))
      ->capture_default_str();
  app.add_option("--method", options.method, "request method; GET, or POST with --data");
  app.add_option("--data", options.data_file, "send this file as the body")
      ->check(CLI::ExistingFile);
  app.add_option("--header", headers, "'name: value', may be repeated");
  app.add_option("--session-file", options.session_file,
                 "resume the session kept here, and keep the next one");
  app.add_flag("--early-data", options.early_data,
               "send requests in 0-RTT when the session file allows: they can be replayed");
  app.add_flag("--key-update", options.key_update, "update the keys once, in mid transfer");
  app.add_flag("--insecure", options.insecure, "do not verify the server's certificate");
  app.add_option("--ca", options.ca, "trust these certificates, PEM")->check(CLI::ExistingFile);
  add_parsed(app, "--migrate-after", options.migrate_after,
             "go on from another port, with path validation, after", parse_duration)
      ->type_name("DURATION");
  add_parsed(app, "--rebind-after", options.rebind_after,
             "the same without a word to the server, as behind a NAT, after", parse_duration)
      ->type_name("DURATION");
  add_duration(app, "--timeout", options.timeout, "give up after");
  add_duration(app, "--connect-timeout", options.connect_timeout, "give up connecting after");
  add_size(app, "--window", options.window, "flow-control window of a connection");
  add_port_kind(app, options.port);
  add_versions(app, options.versions);
  add_keylog(app, options.keylog);
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
    throw CLI::ValidationError("--header", "write 'name: value', not '" + text + "'");
  }
  const std::size_t value = text.find_first_not_of(" \t", colon + 1);
  return {text.substr(0, colon), value == std::string::npos ? "" : text.substr(value)};
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
  try {
    app.parse(argc, argv);
    read_urls(input_file, urls);
    if (urls.empty()) throw CLI::ValidationError("urls", "name at least one URL");
    for (const std::string& text : urls) {
      auto url = parse_url(text);
      if (!url) throw CLI::ValidationError("urls", url.error().reason);
      options.urls.push_back(std::move(*url));
    }
    for (const std::string& header : headers) options.headers.push_back(split_header(header));
    if (!options.output.empty() && options.urls.size() > 1) {
      throw CLI::ValidationError("--output", "takes one URL; use --output-dir for several");
    }
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

SessionConfig session_config_of(const GetOptions& options, const Url& url) {
  SessionConfig config;
  config.alpn = {options.alpn};
  config.hostname = url.host;
  config.versions = options.versions;
  if (options.insecure) config.secure.verify = Verify::none;
  if (!options.ca.empty()) config.secure.ca = {Pem::file(options.ca)};
  config.secure.early_data = options.early_data;
  config.handshake_timeout = options.connect_timeout;
  config.transport.initial_max_data = options.window;
  config.transport.initial_max_stream_data_bidi_local = options.window / 2;
  return config;
}

}  // namespace quicore::tools
