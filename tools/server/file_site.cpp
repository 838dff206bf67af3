// SPDX-License-Identifier: Apache-2.0
#include "tools/server/file_site.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tools/common/percent.h"

namespace quicore::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kDefaultType = "application/octet-stream";

constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".htm", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".xml", "application/xml"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/markdown; charset=utf-8"},
    {".h", "text/plain; charset=utf-8"},
    {".cpp", "text/plain; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".avif", "image/avif"},
    {".ico", "image/x-icon"},
    {".wasm", "application/wasm"},
    {".pdf", "application/pdf"},
    {".woff2", "font/woff2"},
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
}};

bool is_below(const fs::path& path, const fs::path& root) {
  const auto end = std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first;
  return end == root.end();
}

}  // namespace

std::string_view mime_type_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return kDefaultType;
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& entry) {
    return entry.first == name.substr(dot);
  });
  return found == kTypes.end() ? kDefaultType : found->second;
}

FileSite::FileSite(const fs::path& root) : root_(fs::canonical(root)) {}

std::optional<SiteFile> FileSite::find(std::string_view target) const {
  const auto decoded = percent_decode(target.substr(0, target.find_first_of("?#")));
  if (!decoded || decoded->empty() || decoded->front() != '/' || has_dot_segment(*decoded)) {
    return std::nullopt;
  }
  std::error_code error;
  fs::path path = fs::canonical(root_ / decoded->substr(1), error);
  if (error) return std::nullopt;
  if (fs::is_directory(path, error)) path = fs::canonical(path / "index.html", error);
  if (error || !is_below(path, root_) || !fs::is_regular_file(path, error)) return std::nullopt;
  if (::access(path.c_str(), R_OK) != 0) return std::nullopt;
  SiteFile file;
  file.size = fs::file_size(path, error);
  if (error) return std::nullopt;
  file.type = mime_type_of(path.filename().native());
  file.path = path.native();
  return file;
}

}  // namespace quicore::tools
