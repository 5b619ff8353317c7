#include "controller/runtime/auth_key.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>

#include "controller/base/text.h"
#include "controller/runtime/auth_static.h"
#include "controller/runtime/auth_support.h"

namespace plumb::runtime {
namespace {

constexpr std::array kMethods = {"GET", "POST", "HEAD", "PUT", "PATCH"};

struct Retrieval {
  std::string method;
  Url url;
  std::string pointer;  // RFC 6901; empty: the whole body is the key
  std::vector<ExtraParameter> extra;
};

Result<Retrieval> retrieval_of(const AuthSettings& settings) {
  const auto& modelled = *settings.scheme.retrieval;
  const auto wrong = [&](std::string_view member, std::string_view what) {
    return fail(Fault::invalid, "{}/x-itential-dynamic-retrieval/{}: {}", settings.scheme.pointer, member, what);
  };
  Retrieval retrieval{.method = modelled.method, .url = {}, .pointer = modelled.response_pointer, .extra = {}};
  std::ranges::transform(retrieval.method, retrieval.method.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (std::ranges::find(kMethods, retrieval.method) == kMethods.end())
    return wrong("method", "one of GET, POST, HEAD, PUT and PATCH is needed");
  auto url = parse_url(modelled.url);
  if (!url) return wrong("url", url.error().message);
  retrieval.url = std::move(*url);
  if (!retrieval.pointer.empty() && !retrieval.pointer.starts_with('/'))
    return wrong("responsePointer", "it is not a JSON Pointer: it has to begin with \"/\"");
  PLUMB_TRY(retrieval.extra, extra_parameters(settings, "key"));
  return retrieval;
}

// The body as the key: line ends at its end are not part of it.
Result<Secret> whole_body(std::string& body) {
  while (body.ends_with('\n') || body.ends_with('\r')) body.pop_back();
  if (body.empty()) return fail(Fault::invalid, "there is no key in an empty body");
  return Secret(std::move(body));
}

Result<Secret> text_of(const Value& answer, const std::string& pointer) {
  const Value* found = at(answer, pointer);
  if (found == nullptr) return fail(Fault::invalid, "there is nothing at {}", pointer);
  if (found->is_number()) return Secret(canonical(*found));
  if (!found->is_string()) return fail(Fault::invalid, "what is at {} is neither a text nor a number", pointer);
  if (found->get_string().empty()) return fail(Fault::invalid, "the text at {} is empty", pointer);
  return Secret(std::string(found->get_string()));
}

Result<Secret> pointed_at(std::string& body, const std::string& pointer) {
  if (body.empty()) return fail(Fault::invalid, "there is nothing at {} of an empty body", pointer);
  boost::system::error_code error;
  Value answer = boost::json::parse(body, error);
  wipe(body);
  if (error) return fail(Fault::invalid, "it is no JSON, so there is nothing at {}", pointer);
  auto key = text_of(answer, pointer);
  wipe_texts(answer);
  return key;
}

class DynamicKey : public std::enable_shared_from_this<DynamicKey> {
 public:
  using Found = tl::expected<SharedSecret, AuthFailure>;
  DynamicKey(std::shared_ptr<const SharedSettings> settings, const AuthParts& parts, Retrieval retrieval)
      : settings_(std::move(settings)), parts_(parts), retrieval_(std::move(retrieval)) {}

  void get(std::function<void(Found)> done) {
    if (key_ != nullptr) {
      handouts_.handed_out();
      return done(key_);
    }
    waiting_.push_back(std::move(done));
    if (waiting_.size() > 1) return;
    HttpRequest request{.method = retrieval_.method, .url = retrieval_.url, .headers = {{"Accept", "*/*"}}};
    put_extra(request, retrieval_.extra);
    HttpRequest where{.method = request.method, .url = request.url};
    parts_.sender.send(std::move(request), route_to(retrieval_.url, *settings_), small_answer(settings_->limits),
                       [self = shared_from_this(), where = std::move(where)](HttpSender::Answer answer) {
                         self->finish(self->found(where, std::move(answer)));
                       });
  }
  void refused() {
    if (handouts_.refused(parts_.clock.steady())) key_.reset();
  }
  std::string where() const { return fmt::format("the key of {}", masked_url(retrieval_.url)); }
  const openapi::SecurityScheme& scheme() const { return settings_->scheme; }

 private:
  Found found(const HttpRequest& where, HttpSender::Answer answer) {
    const std::string source = fmt::format("the API key from {} {}", where.method, masked_url(where.url));
    if (!answer) return tl::unexpected(AuthFailure{in_context(source, std::move(answer).error().error).value(), {}});
    if (answer->status < 200 || answer->status > 299) {
      const bool later = answer->status == 429 || answer->status >= 500;
      Error error{
          later ? Fault::unavailable : Fault::denied, fmt::format("{}: answered {}", source, answer->status), {}};
      return tl::unexpected(AuthFailure{std::move(error), received(where, std::move(*answer), {}, retrieval_.extra)});
    }
    auto key = retrieval_.pointer.empty() ? whole_body(answer->body) : pointed_at(answer->body, retrieval_.pointer);
    if (!key) return tl::unexpected(AuthFailure{in_context(source, std::move(key).error()).value(), {}});
    return std::make_shared<const Secret>(std::move(*key));
  }
  void finish(const Found& found) {
    if (found) {
      key_ = *found;
      handouts_.replaced(parts_.clock.steady());
    }
    for (auto& done : std::exchange(waiting_, {})) {
      if (found) handouts_.handed_out();
      done(found);
    }
  }

  const std::shared_ptr<const SharedSettings> settings_;
  AuthParts parts_;
  const Retrieval retrieval_;
  SharedSecret key_;
  Handouts handouts_;
  std::vector<std::function<void(Found)>> waiting_;
};

class KeyAuthenticator final : public Authenticator {
 public:
  explicit KeyAuthenticator(std::shared_ptr<DynamicKey> key) : key_(std::move(key)) {}
  void authorize(HttpRequest request, std::function<void(Authorized)> done) override {
    auto held = std::make_shared<HttpRequest>(std::move(request));
    key_->get([held, key = key_, done = std::move(done)](DynamicKey::Found found) {
      if (!found) return done(tl::unexpected(std::move(found).error()));
      auto put = put_api_key(*held, key->scheme(), **found, key->where());
      if (!put) return done(tl::unexpected(AuthFailure{std::move(put).error(), {}}));
      done(std::move(*held));
    });
  }
  bool refused(int status) override {
    if (status != 401 && status != 403) return false;
    key_->refused();
    return true;
  }

 private:
  std::shared_ptr<DynamicKey> key_;
};

}  // namespace

Result<std::unique_ptr<Authenticator>> make_dynamic_key(const AuthSettings& settings, const AuthParts& parts) {
  PLUMB_TRY(Retrieval retrieval, retrieval_of(settings));
  return std::unique_ptr<Authenticator>(
      std::make_unique<KeyAuthenticator>(std::make_shared<DynamicKey>(shared(settings), parts, std::move(retrieval))));
}

}  // namespace plumb::runtime
