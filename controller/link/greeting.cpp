#include "controller/link/greeting.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/digest.h"
#include "controller/base/ed25519.h"
#include "controller/base/text.h"
#include "controller/link/wire.h"
#include "controller/model/value.h"

namespace plumb::link {
namespace {

constexpr std::size_t kLongestText = 256, kLongestToken = 512, kMostCapabilities = 32;

// Members of one JSON object; the first that is not as it must be is told by finish().
class Members {
 public:
  Members(std::string_view body, std::string_view what) : what_(what) {
    boost::json::error_code error;
    value_ = boost::json::parse(body, error);
    if (error || !value_.is_object()) bad("is no JSON object");
  }
  void text(std::string_view name, std::string& to, std::size_t longest = kLongestText) {
    const Value* const found = member(name);
    if (found == nullptr) return;
    if (!found->is_string() || found->get_string().size() > longest) return bad(name);
    to = std::string(found->get_string());
  }
  void printable_text(std::string_view name, std::string& to) {
    text(name, to);
    to = printable(to);
  }
  void bytes(std::string_view name, std::string& to, std::size_t size) {
    std::string encoded;
    text(name, encoded);
    if (encoded.empty()) return;
    auto decoded = from_base64(encoded);
    if (!decoded || decoded->size() != size) return bad(name);
    to = std::move(*decoded);
  }
  template <class T>
  void number(std::string_view name, T& to) {
    const Value* const found = member(name);
    if (found == nullptr) return;
    boost::json::error_code error;
    const auto value = found->to_number<T>(error);
    if (error) return bad(name);
    to = value;
  }
  void flag(std::string_view name, bool& to) {
    const Value* const found = member(name);
    if (found == nullptr) return;
    if (!found->is_bool()) return bad(name);
    to = found->get_bool();
  }
  const Value* member(std::string_view name) {
    return problem_.empty() ? value_.get_object().if_contains(name) : nullptr;
  }
  void needs(std::string_view name, bool there) {
    if (!there) bad(name);
  }
  void bad(std::string_view name) {
    if (problem_.empty()) problem_ = fmt::format("{}: {} is missing or not what it must be", what_, name);
  }
  Result<void> finish() const {
    if (problem_.empty()) return {};
    return fail(Fault::invalid, "{}", problem_);
  }

 private:
  std::string_view what_;
  Value value_;
  std::string problem_;
};

std::string text_of(Object object) { return boost::json::serialize(object); }

}  // namespace

std::string encode(const Hello& hello) {
  Array capabilities;
  for (const std::string& each : hello.facts.capabilities) capabilities.emplace_back(each);
  Object object{{"protocol", hello.protocol},     {"oldestProtocol", hello.oldest},
                {"nonce", base64(hello.nonce)},   {"host", hello.facts.host},
                {"os", hello.facts.os},           {"arch", hello.facts.arch},
                {"version", hello.facts.version}, {"capabilities", std::move(capabilities)}};
  if (hello.id.empty()) {
    object["token"] = hello.token;
    object["publicKey"] = base64(hello.public_key);
  } else {
    object["id"] = hello.id;
    object["counter"] = hello.counter;
    object["epoch"] = hello.epoch;
  }
  return text_of(std::move(object));
}

Result<Hello> decode_hello(std::string_view body) {
  Hello hello;
  Members in(body, "hello");
  in.number("protocol", hello.protocol);
  in.number("oldestProtocol", hello.oldest);
  in.text("id", hello.id);
  in.text("token", hello.token, kLongestToken);
  in.bytes("publicKey", hello.public_key, kEd25519Size);
  in.number("counter", hello.counter);
  in.number("epoch", hello.epoch);
  in.bytes("nonce", hello.nonce, kNonceSize);
  in.printable_text("host", hello.facts.host);
  in.printable_text("os", hello.facts.os);
  in.printable_text("arch", hello.facts.arch);
  in.printable_text("version", hello.facts.version);
  if (const Value* const all = in.member("capabilities"); all != nullptr) {
    if (!all->is_array() || all->get_array().size() > kMostCapabilities) {
      in.bad("capabilities");
    } else {
      for (const Value& each : all->get_array())
        if (each.is_string() && each.get_string().size() <= kLongestText)
          hello.facts.capabilities.push_back(printable(each.get_string()));
    }
  }
  in.needs("protocol", hello.protocol > 0 && hello.oldest > 0 && hello.oldest <= hello.protocol);
  in.needs("nonce", !hello.nonce.empty());
  in.needs("publicKey", !hello.id.empty() || !hello.public_key.empty());
  in.needs("token", !hello.id.empty() || !hello.token.empty());
  PLUMB_CHECK(in.finish());
  return hello;
}

std::string encode(const Challenge& challenge) {
  return text_of({{"nonce", base64(challenge.nonce)}, {"bound", challenge.bound}});
}

Result<Challenge> decode_challenge(std::string_view body) {
  Challenge challenge;
  Members in(body, "challenge");
  in.bytes("nonce", challenge.nonce, kNonceSize);
  in.flag("bound", challenge.bound);
  in.needs("nonce", !challenge.nonce.empty());
  PLUMB_CHECK(in.finish());
  return challenge;
}

std::string to_sign(const Transcript& transcript) {
  return Writer()
      .text("plumbline.connector.v1 proof")
      .text(transcript.hub_nonce)
      .text(transcript.agent_nonce)
      .text(transcript.binding)
      .text(transcript.subject)
      .u64(transcript.counter)
      .u64(transcript.epoch)
      .take();
}

std::string encode(const Welcome& welcome) {
  return text_of({{"id", welcome.id},
                  {"connector", welcome.connector},
                  {"epoch", welcome.epoch},
                  {"counter", welcome.counter},
                  {"version", welcome.hub_version},
                  {"logLevel", welcome.log_level},
                  {"time", format_time(welcome.now)},
                  {"beatMilliseconds", welcome.beat.count()}});
}

Result<Welcome> decode_welcome(std::string_view body) {
  Welcome welcome;
  Members in(body, "welcome");
  in.printable_text("id", welcome.id);
  in.printable_text("connector", welcome.connector);
  in.number("epoch", welcome.epoch);
  in.number("counter", welcome.counter);
  in.printable_text("version", welcome.hub_version);
  in.text("logLevel", welcome.log_level);
  std::string time;
  in.text("time", time);
  const auto now = parse_time(time);
  welcome.now = now.value_or(SystemTime{});
  std::int64_t beat = welcome.beat.count();
  in.number("beatMilliseconds", beat);
  welcome.beat = Duration(beat);
  in.needs("id", !welcome.id.empty());
  in.needs("epoch", welcome.epoch > 0);
  in.needs("counter", welcome.counter > 0);
  in.needs("time", now.has_value());
  in.needs("beatMilliseconds", beat >= 100 && beat <= 600'000);
  PLUMB_CHECK(in.finish());
  return welcome;
}

std::string encode(const Refusal& refusal) {
  return text_of({{"reason", refusal.reason},
                  {"message", refusal.message},
                  {"retryAfterMilliseconds", refusal.retry_after.count()}});
}

Refusal decode_refusal(std::string_view body) {
  Refusal refusal;
  Members in(body, "refusal");
  in.printable_text("reason", refusal.reason);
  std::string message;
  in.text("message", message, 2000);
  refusal.message = printable(message);
  std::int64_t retry = 0;
  in.number("retryAfterMilliseconds", retry);
  refusal.retry_after = Duration(std::clamp<std::int64_t>(retry, 0, 3'600'000));
  if (!in.finish() || refusal.reason.empty()) return {"Refused", "the controller refused without a reason", {}};
  return refusal;
}

std::string encode(const AgentHealth& health) {
  return text_of({{"cpuMilliseconds", health.cpu_milliseconds},
                  {"memoryBytes", health.memory_bytes},
                  {"working", health.working},
                  {"served", health.served},
                  {"failed", health.failed},
                  {"refused", health.refused},
                  {"clock", health.clock},
                  {"lastError", beginning(health.last_error, kLongestText)}});
}

Result<AgentHealth> decode_health(std::string_view body) {
  AgentHealth health;
  Members in(body, "beat");
  in.number("cpuMilliseconds", health.cpu_milliseconds);
  in.number("memoryBytes", health.memory_bytes);
  in.number("working", health.working);
  in.number("served", health.served);
  in.number("failed", health.failed);
  in.number("refused", health.refused);
  in.number("clock", health.clock);
  in.printable_text("lastError", health.last_error);
  PLUMB_CHECK(in.finish());
  return health;
}

std::string encode(const AgentSettings& settings) {
  return text_of({{"logLevel", settings.log_level}, {"renewKey", settings.renew_key}});
}

Result<AgentSettings> decode_settings(std::string_view body) {
  AgentSettings settings;
  Members in(body, "settings");
  in.text("logLevel", settings.log_level);
  in.flag("renewKey", settings.renew_key);
  PLUMB_CHECK(in.finish());
  return settings;
}

std::string encode(const Renewal& renewal) {
  return text_of({{"publicKey", base64(renewal.public_key)}, {"signature", base64(renewal.signature)}});
}

Result<Renewal> decode_renewal(std::string_view body) {
  Renewal renewal;
  Members in(body, "renewal");
  in.bytes("publicKey", renewal.public_key, kEd25519Size);
  in.bytes("signature", renewal.signature, 2 * kEd25519Size);
  in.needs("publicKey", !renewal.public_key.empty());
  in.needs("signature", !renewal.signature.empty());
  PLUMB_CHECK(in.finish());
  return renewal;
}

std::string to_sign(std::string_view id, std::string_view new_public_key) {
  return Writer().text("plumbline.connector.v1 renewal").text(id).text(new_public_key).take();
}

}  // namespace plumb::link
