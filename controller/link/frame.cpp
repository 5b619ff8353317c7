#include "controller/link/frame.h"

#include <array>

#include "controller/base/text.h"
#include "controller/link/wire.h"

namespace plumb::link {
namespace {

constexpr std::array<std::string_view, 17> kNames{"",        "hello",   "challenge", "proof",    "welcome", "ready",
                                                  "refused", "request", "more",      "part",     "done",    "failed",
                                                  "credit",  "cancel",  "beat",      "settings", "renewed"};
constexpr std::size_t kLongestMessage = 2000;

}  // namespace

std::string_view to_string(FrameType type) { return kNames.at(static_cast<std::size_t>(type)); }

Result<Frame> parse_frame(std::string_view message) {
  if (message.size() < kHeaderSize) return fail(Fault::invalid, "a frame of {} bytes", message.size());
  if (message.size() > kMessageLimit) return fail(Fault::invalid, "a frame of {} bytes", message.size());
  Reader in(message);
  const std::uint8_t type = in.u8();
  if (type == 0 || type >= kNames.size()) return fail(Fault::invalid, "a frame of unknown type {}", type);
  Frame frame{.type = static_cast<FrameType>(type)};
  frame.request = in.u64();
  frame.sequence = in.u32();
  frame.body = in.rest();
  return frame;
}

std::string to_message(const Frame& frame) {
  Writer out;
  out.out().reserve(kHeaderSize + frame.body.size());
  out.u8(static_cast<std::uint8_t>(frame.type)).u64(frame.request).u32(frame.sequence);
  out.out() += frame.body;
  return out.take();
}

std::string encode_error(const Error& error) {
  return Writer()
      .u8(static_cast<std::uint8_t>(error.fault))
      .u32(static_cast<std::uint32_t>(std::clamp<std::int64_t>(error.retry_after.count(), 0, 1U << 31U)))
      .text(beginning(error.message, kLongestMessage))
      .take();
}

Error decode_error(std::string_view body) {
  Reader in(body);
  const std::uint8_t fault = in.u8();
  const auto retry_after = std::chrono::milliseconds(in.u32());
  std::string message = printable(beginning(in.text(), kLongestMessage));
  if (!in.at_end() || fault > static_cast<std::uint8_t>(Fault::internal))
    return {Fault::internal, "the connector answered with an error that cannot be read", {}};
  return {static_cast<Fault>(fault), std::move(message), retry_after};
}

}  // namespace plumb::link
