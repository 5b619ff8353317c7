#include "controller/app/document_fetch.h"

#include <algorithm>

#include "controller/base/text.h"
#include "controller/base/url.h"
#include "controller/manifest/document.h"
#include "controller/net/http_client.h"
#include "controller/net/loop.h"
#include "controller/runtime/blocking.h"
#include "controller/runtime/redirects.h"

namespace plumb::app {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(20);  // of one exchange

std::string shown(Url url) {
  url.query.clear();
  return to_string(url);
}

// Others could read and change what comes over http; the digest holds against the second alone.
Result<void> check_scheme(const Url& url) {
  if (url.scheme == "https" || is_loopback_host(url.host)) return {};
  return fail(Fault::invalid, "{}: documents are fetched by https; http is for this machine alone", shown(url));
}

}  // namespace

Result<void> check_document_url(const std::string& text) {
  PLUMB_TRY(const Url url, parse_url(text));
  return check_scheme(url);
}

struct DocumentFetch::Way {
  explicit Way(net::Egress egress) : client(loop, {.egress = std::move(egress)}) {}
  ~Way() { loop.stop(); }

  RealClock clock;
  net::Loop loop;
  net::HttpClient client;
  std::shared_ptr<const HttpRoute> route = std::make_shared<const HttpRoute>();
};

DocumentFetch::DocumentFetch(std::vector<std::string> egress) : egress_(std::move(egress)) {}
DocumentFetch::~DocumentFetch() = default;

Result<std::string> DocumentFetch::get(const std::string& text, Deadline deadline) {
  PLUMB_TRY(Url url, parse_url(text));
  PLUMB_CHECK(check_scheme(url));
  if (way_ == nullptr) {
    auto egress = net::Egress::parse(egress_);
    if (!egress) return in_context("--allow-egress", std::move(egress).error());
    way_ = std::make_unique<Way>(std::move(*egress));
  }
  const HttpHeaders headers{{"Accept", "application/json, application/yaml, */*;q=0.5"}, {"User-Agent", "plumbline"}};
  for (int followed = 0;; ++followed) {
    const Duration left = std::min(kTimeout, deadline.left(way_->clock.steady()));
    const HttpLimits limits{.timeout = left, .body_limit = manifest::kDocumentLimits.bytes};
    auto answer = runtime::send_and_wait(way_->loop, way_->client, {.method = "GET", .url = url, .headers = headers},
                                         way_->route, limits, Deadline::in(way_->clock, left));
    if (!answer) return in_context("fetching " + shown(url), std::move(answer).error().error);
    if (answer->status == 200) return std::move(answer->body);
    auto hop = runtime::next_hop("GET", url, *answer, followed);
    if (!hop)
      return fail(answer->status >= 500 ? Fault::unavailable : Fault::not_found, "fetching {}: it answered {} {}",
                  shown(url), answer->status, printable(answer->reason));
    PLUMB_CHECK(check_scheme(hop->url));
    url = std::move(hop->url);
  }
}

}  // namespace plumb::app
