#pragma once

#include <optional>
#include <string_view>

#include "controller/model/status.h"
#include "controller/net/http_message.h"
#include "controller/openapi/model.h"
#include "controller/runtime/access.h"
#include "controller/runtime/access_tokens.h"

// How things look in answers.
namespace plumb::api {

Value summary_of(const runtime::Access& access, const ResourceKey& key, const std::optional<Status>& status);
Value described(const openapi::Operation& operation);
Value described(const runtime::AccessToken& token);
Value described(const ResourceKey& model, const runtime::Role& role);
// What a person sees who comes back from signing in. Inert: no script, nothing that is loaded.
net::Response html_page(int status, std::string_view text);

}  // namespace plumb::api
