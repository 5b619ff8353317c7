#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/url.h"
#include "controller/openapi/model.h"
#include "controller/ports/http_sender.h"

// What may be shown of requests: secrets are known by the place they stand in, never by what they look like.
namespace plumb::runtime {

inline constexpr std::string_view kMasked = "***";

// Where the secrets of one integration stand, besides the places where they stand everywhere (Authorization, Cookie,
// `access_token` and their like).
struct SecretPlaces {
  std::string header{};  // whatever the case
  std::string query{};   // name of the parameter, not encoded
};
SecretPlaces secret_places(const openapi::SecurityScheme& scheme);

// "https://api.example/pets?limit=3&api_key=***" (FEATURES B6).
std::string masked_url(const Url& url, const SecretPlaces& places);
// The same for a Location header or another text with a query in it, whatever else it is.
std::string masked_reference(std::string_view reference, const SecretPlaces& places);
HttpHeaders masked_headers(const HttpHeaders& headers, const SecretPlaces& places);

// The secrets of one request that was sent, so that an answer in which the target gives them back does not show them:
// a Link header with the key in its query, an echo of all headers. Wipes itself.
class Reflected {
 public:
  Reflected() = default;
  Reflected(const HttpRequest& request, const SecretPlaces& places);
  ~Reflected() { wipe_all(); }
  Reflected(Reflected&&) noexcept = default;
  Reflected& operator=(Reflected&& other) noexcept;
  // Those of another request as well.
  void add(Reflected other);
  // Whether a URL has one of them, whatever it was encoded for, also twice.
  bool is_in(const Url& url) const;
  // With "***" in place of each of them. What is shorter than eight bytes stays: it would be found in innocent text.
  void mask(HttpResponse& response) const;
  void mask(std::string& text) const;

 private:
  void take(std::string_view secret);
  void wipe_all();
  std::vector<std::string> secrets_;
};

// The query without the parameters whose values are secret; the others stay as they were written.
std::string without_secrets(std::string_view query, const SecretPlaces& places);

}  // namespace plumb::runtime
