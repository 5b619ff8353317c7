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

// The query without the parameters whose values are secret; the others stay as they were written.
std::string without_secrets(std::string_view query, const SecretPlaces& places);

}  // namespace plumb::runtime
