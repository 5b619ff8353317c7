#include "connector/local_audit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/text.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestField = 2048;  // bytes: what comes from the controller cannot fill the disk line by line

std::string kept(std::string_view text) { return printable(beginning(text, kLongestField)); }

std::string line_of(const LocalRecord& record, SystemTime now) {
  boost::json::object json;
  json["time"] = format_time(now);
  json["request"] = kept(record.request);
  json["actor"] = kept(record.actor);
  json["operation"] = kept(record.operation);
  json["object"] = kept(record.object);
  json["result"] = kept(record.result);
  if (!record.reason.empty()) json["reason"] = kept(record.reason);
  if (record.security) json["security"] = true;
  return boost::json::serialize(json) + "\n";
}

// audit.jsonl, audit.1.jsonl, ...
fs::path numbered(const fs::path& file, std::size_t number) {
  if (number == 0) return file;
  return file.parent_path() / fmt::format("{}.{}{}", file.stem().string(), number, file.extension().string());
}

Failure audit_failure(std::string_view doing, const fs::path& file) {
  const int error = errno;
  return fail(error == EACCES || error == EPERM || error == ELOOP ? Fault::denied : Fault::unavailable, "{} {}: {}",
              doing, printable(file.string()), std::strerror(error));
}

}  // namespace

Result<std::unique_ptr<LocalAudit>> LocalAudit::open(Options options, const Clock& clock) {
  options.files = std::max<std::size_t>(options.files, 1);
  std::unique_ptr<LocalAudit> audit(new LocalAudit(std::move(options), clock));
  PLUMB_CHECK(audit->file_.with([&](File& file) { return audit->reopen(file); }));
  return audit;
}

LocalAudit::~LocalAudit() {
  file_.with([](File& file) {
    if (file.fd >= 0) ::close(file.fd);
  });
}

Result<void> LocalAudit::reopen(File& file) const {
  if (file.fd >= 0) ::close(file.fd);
  file.fd = ::open(options_.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return audit_failure("opening", options_.file);
  file.size = static_cast<std::size_t>(status.st_size);
  return {};
}

Result<void> LocalAudit::rotate(File& file) const {
  std::error_code ignored;  // the oldest ones may not be there
  if (options_.files == 1) fs::remove(options_.file, ignored);
  for (std::size_t i = options_.files - 1; i > 0; --i)
    fs::rename(numbered(options_.file, i - 1), numbered(options_.file, i), ignored);
  return reopen(file);
}

Result<void> LocalAudit::append(const LocalRecord& record) {
  const std::string line = line_of(record, clock_.now());
  return file_.with([&](File& file) -> Result<void> {
    if (file.fd < 0 || (file.size > 0 && file.size + line.size() > options_.size)) PLUMB_CHECK(rotate(file));
    const auto put = ::write(file.fd, line.data(), line.size());
    if (put == static_cast<ssize_t>(line.size())) {
      file.size += line.size();
      return {};
    }
    const Failure failure = audit_failure("writing", options_.file);
    // Half a line would make one wrong line of it and the next.
    if (put > 0) std::ignore = ::ftruncate(file.fd, static_cast<off_t>(file.size));
    return failure;
  });
}

}  // namespace plumb::connector
