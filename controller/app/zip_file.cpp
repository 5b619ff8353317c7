#include "controller/app/zip_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <tuple>

#include <zip.h>

#include "controller/base/descriptor.h"

namespace plumb::app {
namespace {

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct Free {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};

Failure cannot(const std::string& why) { return fail(Fault::unavailable, "the archive cannot be made: {}", why); }

}  // namespace

// libzip reads the files when it closes the archive.
Result<std::string> zip_bytes(const std::vector<ZipFile>& files) {
  zip_error_t error;
  zip_error_init(&error);
  // Kept beyond the archive, which takes it over.
  const std::unique_ptr<zip_source_t, Free> memory(zip_source_buffer_create(nullptr, 0, 0, &error));
  if (memory == nullptr) return cannot(zip_error_strerror(&error));
  zip_source_keep(memory.get());
  std::unique_ptr<zip_t, Discard> archive(zip_open_from_source(memory.get(), ZIP_TRUNCATE, &error));
  if (archive == nullptr) {
    zip_source_free(memory.get());
    return cannot(zip_error_strerror(&error));
  }
  for (const ZipFile& file : files) {
    zip_source_t* const source = zip_source_buffer(archive.get(), file.content.data(), file.content.size(), 0);
    if (source == nullptr || zip_file_add(archive.get(), file.name.c_str(), source, ZIP_FL_ENC_UTF_8) < 0) {
      if (source != nullptr) zip_source_free(source);
      return cannot(zip_strerror(archive.get()));
    }
  }
  if (zip_close(archive.get()) != 0) return cannot(zip_strerror(archive.get()));
  std::ignore = archive.release();  // closed
  if (zip_source_open(memory.get()) != 0) return cannot("it cannot be read back");
  zip_source_seek(memory.get(), 0, SEEK_END);
  std::string bytes(static_cast<std::size_t>(std::max<zip_int64_t>(zip_source_tell(memory.get()), 0)), '\0');
  zip_source_seek(memory.get(), 0, SEEK_SET);
  const zip_int64_t read = zip_source_read(memory.get(), bytes.data(), bytes.size());
  zip_source_close(memory.get());
  if (read != static_cast<zip_int64_t>(bytes.size())) return cannot("it cannot be read back");
  return bytes;
}

Result<void> write_new_file(const std::filesystem::path& to, std::string_view bytes) {
  const auto cannot_write = [&](int code) {
    return fail(Fault::unavailable, "{} cannot be written: {}", to.string(), std::generic_category().message(code));
  };
  const Descriptor file(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return cannot_write(errno);
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t written = ::write(file.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int code = errno;
      ::unlink(to.c_str());
      return cannot_write(code);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_zip(const std::filesystem::path& to, const std::vector<ZipFile>& files) {
  PLUMB_TRY(const std::string bytes, zip_bytes(files));
  return write_new_file(to, bytes);
}

}  // namespace plumb::app
