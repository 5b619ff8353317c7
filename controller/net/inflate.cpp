#include "controller/net/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace plumb::net {
namespace {

constexpr int kGzipOrZlib = 15 + 32;
constexpr int kRaw = -15;

struct Stream {
  explicit Stream(int window) { ready = inflateInit2(&state, window) == Z_OK; }
  ~Stream() {
    if (ready) inflateEnd(&state);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  z_stream state{};
  bool ready = false;
};

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

// RFC 1950, 2.2: method and check bits of the first two bytes.
bool is_zlib(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  const auto first = static_cast<unsigned char>(bytes[0]), second = static_cast<unsigned char>(bytes[1]);
  return (first & 15) == 8 && (first * 256 + second) % 31 == 0;
}

}  // namespace

Inflated inflate(std::string_view compressed, std::size_t limit, std::string& out) {
  Stream stream(is_gzip(compressed) || is_zlib(compressed) ? kGzipOrZlib : kRaw);
  if (!stream.ready) return Inflated::broken;
  std::array<char, 16384> part;
  z_stream& z = stream.state;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));  // zlib does not write there
  z.avail_in = static_cast<uInt>(compressed.size());
  while (true) {
    z.next_out = reinterpret_cast<Bytef*>(part.data());
    z.avail_out = part.size();
    const int code = ::inflate(&z, Z_NO_FLUSH);
    const std::size_t size = part.size() - z.avail_out;
    if (out.size() + size > limit) return Inflated::too_large;
    out.append(part.data(), size);
    if (code == Z_STREAM_END) {
      if (z.avail_in == 0) return Inflated::whole;
      // Members of gzip may follow one another (RFC 1952, 2.2).
      if (!is_gzip({reinterpret_cast<const char*>(z.next_in), z.avail_in}) || inflateReset(&z) != Z_OK)
        return Inflated::broken;
      continue;
    }
    if (code == Z_BUF_ERROR || (code == Z_OK && z.avail_in == 0 && size == 0)) return Inflated::cut_off;
    if (code != Z_OK) return Inflated::broken;
  }
}

}  // namespace plumb::net
