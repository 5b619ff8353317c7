#include "controller/runtime/invoker.h"

#include "tests/unit/runtime/invoker_world.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using test::http_answer;
using test::http_failure;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Stage = HttpFailure::Stage;

class InvokerCalls : public InvokerWorld {};

TEST_F(InvokerCalls, AGetGoesOutAsTheModelSaysAndItsAnswerIsAnObject) {
  const Invoked invoked = invoke("list", R"({"limit": 3, "X-Tenant": "acme"})");

  ASSERT_THAT(http_.sent, SizeIs(1));
  const HttpRequest& request = http_.sent[0].request;
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(to_string(request.url), "https://api.example/v1/pets?limit=3");
  EXPECT_THAT(request.headers, ::testing::IsSupersetOf({Pair("X-Tenant", "acme"), Pair("X-Key", "canary-3f9a1c77-0"),
                                                        Pair("User-Agent", "plumbline")}));
  EXPECT_EQ(request.body, "");
  EXPECT_EQ(request.actor, "Integration/default/pets for ServiceAccount/ci");
  EXPECT_EQ(http_.sent[0].limits.timeout, 30s);
  EXPECT_EQ(http_.sent[0].limits.body_limit, 16777216U);
  EXPECT_TRUE(invoked.ok);
  EXPECT_TRUE(invoked.reached);
  EXPECT_EQ(invoked.attempts, 1);
  EXPECT_EQ(at(invoked.result, "/body/a")->as_int64(), 1);
  EXPECT_EQ(member(invoked, "/url"), "https://api.example/v1/pets?limit=3");
}

TEST_F(InvokerCalls, PathsAreEncodedAndBodiesGoWithTheirType) {
  invoke("read", R"({"id": "a/b"})");
  EXPECT_EQ(http_.sent[0].request.url.path, "/v1/pets/a%2Fb");

  Invocation create = invocation("create");
  create.arguments.body = boost::json::parse(R"({"name": "Rex"})");
  create.arguments.has_body = true;
  invoke(std::move(create));
  EXPECT_EQ(http_.sent[1].request.body, R"({"name":"Rex"})");
  EXPECT_THAT(http_.sent[1].request.headers, ::testing::Contains(Pair("Content-Type", "application/json")));
}

TEST_F(InvokerCalls, OkIsTrueForTwoHundredsAlone) {
  for (const auto& [status, ok] :
       std::map<int, bool>{{199, false}, {200, true}, {299, true}, {300, false}, {404, false}}) {
    answers({http_answer(status)});
    const Invoked invoked = invoke("list");
    EXPECT_EQ(invoked.ok, ok) << status;
    EXPECT_TRUE(invoked.result.is_object()) << status;
    EXPECT_TRUE(invoked.reached);
  }
}

TEST_F(InvokerCalls, AnOperationThatNeedsNoneGoesWithoutCredentials) {
  invoke("open");
  EXPECT_FALSE(mentions(http_.sent.at(0).request, kCanary));
}

TEST_F(InvokerCalls, AShorterTimeoutOfTheCallCounts) {
  Invocation hurried = invocation("list");
  hurried.timeout = 200ms;
  invoke(std::move(hurried));
  EXPECT_EQ(http_.sent[0].limits.timeout, 200ms);
  Invocation patient = invocation("list");
  patient.timeout = 1h;
  invoke(std::move(patient));
  EXPECT_EQ(http_.sent[1].limits.timeout, 30s);
}

// J1: what could not be made is a string that says why, and nothing is sent for what is known before.

TEST_F(InvokerCalls, UnknownIntegrationsAndOperationsAreStrings) {
  Invocation lost = invocation("list");
  lost.integration.name = "pet";
  EXPECT_EQ(text(invoke(std::move(lost))), "there is no Integration/default/pet");
  const Invoked unknown = invoke("lst");
  EXPECT_EQ(text(unknown), "Integration/default/pets has no operation \"lst\" (did you mean \"list\"?)");
  EXPECT_EQ(unknown.fault, Fault::not_found);
  EXPECT_FALSE(unknown.reached);
  EXPECT_THAT(http_.sent, IsEmpty());
}

TEST_F(InvokerCalls, ADisabledIntegrationIsAString) {
  declare(R"({"enabled": false})");
  EXPECT_EQ(text(invoke("list")), "Integration/default/pets is disabled");
}

TEST_F(InvokerCalls, WhatLivesOnAPlatformIsNotCalledFromHere) {
  declare(R"({"platformRef": {"name": "prod"}})");
  EXPECT_THAT(text(invoke("list")), HasSubstr("lives on IntegrationPlatform \"prod\""));
}

TEST_F(InvokerCalls, AnIntegrationThatIsNotConfiguredSaysWhatIsMissing) {
  declare(R"({"authentication": {}, "server": {"host": "/v3"}})");
  EXPECT_THAT(text(invoke("list")), ::testing::AllOf(HasSubstr("/spec/authentication/credentialRef: is missing"),
                                                     HasSubstr("/spec/server/host: \"/v3\" is not a host")));
}

TEST_F(InvokerCalls, AModelThatIsGoneIsAString) {
  model_.reset();
  publish();
  EXPECT_THAT(text(invoke("list")), HasSubstr("/spec/modelRef: there is no IntegrationModel \"pets\""));
}

TEST_F(InvokerCalls, AllBadArgumentsAreInOneStringAndNothingIsSent) {
  const Invoked invoked = invoke("list", R"({"limit": "many", "colour": 1})");
  EXPECT_THAT(text(invoked), StartsWith("list of Integration/default/pets: bad arguments: "));
  EXPECT_THAT(text(invoked), ::testing::AllOf(HasSubstr("/parameters/limit"), HasSubstr("/parameters/colour")));
  EXPECT_EQ(invoked.fault, Fault::invalid);
  EXPECT_THAT(http_.sent, IsEmpty());
}

TEST_F(InvokerCalls, AnOperationOfAnotherSchemeIsAString) {
  EXPECT_THAT(text(invoke("foreign")),
              HasSubstr("takes security scheme oauth, and the Integration has credentials for \"key\""));
}

TEST_F(InvokerCalls, AnUnresolvedSecretIsAString) {
  script_.failure = AuthFailure{.error = {Fault::not_found, "secret env:KEY: not there", {}}};
  const Invoked invoked = invoke("list");
  EXPECT_EQ(text(invoked), "GET https://api.example/v1/pets: not authorised: secret env:KEY: not there");
  EXPECT_EQ(invoked.attempts, 0);
}

TEST_F(InvokerCalls, ACredentialThatDoesNotFitIsAString) {
  script_.none = Error{Fault::invalid, "/spec/basic: is not for this scheme", {}};
  declare(R"({"timeoutMs": 1000})");
  EXPECT_THAT(text(invoke("list")), HasSubstr("/spec/basic: is not for this scheme"));
}

TEST_F(InvokerCalls, FailuresOfTheWayAreStringsThatNameTheStage) {
  const std::map<Stage, std::string> stages = {{Stage::egress, "refused by the egress rules"},
                                               {Stage::resolve, "the host's name was not resolved"},
                                               {Stage::connect, "connect"},
                                               {Stage::proxy, "proxy"},
                                               {Stage::tls, "TLS"},
                                               {Stage::send, "send"},
                                               {Stage::receive, "receive"},
                                               {Stage::limit, "too large"},
                                               {Stage::site, "refused at the connector's site"}};
  declare(R"({"circuitBreaker": {"failures": 0}})");
  for (const auto& [stage, name] : stages) {
    answers({http_failure(stage, Fault::denied)});
    const Invoked invoked = invoke("list");
    EXPECT_EQ(text(invoked), fmt::format("GET https://api.example/v1/pets: {}: as the test says", name));
    EXPECT_EQ(invoked.fault, Fault::denied);
    EXPECT_FALSE(invoked.reached);
  }
}

TEST_F(InvokerCalls, ATimeoutSaysHowLongAndWhat) {
  declare(R"({"timeoutMs": 200})");
  answers({http_failure(Stage::receive, Fault::timeout, true)});
  const Invoked invoked = invoke("create");
  EXPECT_EQ(text(invoked), "timeout after 200 ms: POST https://api.example/v1/pets");
  EXPECT_EQ(invoked.fault, Fault::timeout);
  EXPECT_THAT(http_.sent, SizeIs(1)) << "never repeated (E2)";
}

TEST_F(InvokerCalls, WithoutAConnectorTheClustersCallIsAString) {
  declare(R"({"clusterOverride": {"enabled": true, "clusterId": "dmz"}})");
  EXPECT_THAT(text(invoke("list")), HasSubstr("no connector online in cluster dmz"));
  EXPECT_THAT(http_.sent, IsEmpty());

  online_ = "default/dmz";
  EXPECT_TRUE(invoke("list").ok);
  EXPECT_EQ(http_.sent.at(0).route->cluster, "default/dmz");
}

TEST_F(InvokerCalls, AProxysOwnRefusalIsAStringEvenAsAnAnswer) {
  declare(R"({"server": {"protocol": "http"}, "proxyOverride": {"enabled": true, "executionMode": "proxy",
              "proxy": {"host": "squid", "port": 3128}}})");
  answers({http_answer(407)});
  const Invoked invoked = invoke("list");
  EXPECT_THAT(text(invoked), HasSubstr("proxy: squid:3128 answered 407"));
  EXPECT_FALSE(invoked.reached);
}

TEST_F(InvokerCalls, AFailedTokenRequestIsItsOwnAnswerWithPhaseAndOperation) {
  script_.failure = AuthFailure{.error = {Fault::denied, "invalid_client", {}},
                                .answer = openapi::Received{.method = "POST",
                                                            .url = "https://login.example/token",
                                                            .status = 400,
                                                            .body = R"({"error":"invalid_client"})"}};
  const Invoked invoked = invoke("list");
  ASSERT_TRUE(invoked.result.is_object());
  EXPECT_EQ(member(invoked, "/method"), "POST");
  EXPECT_EQ(member(invoked, "/url"), "https://login.example/token");
  EXPECT_EQ(member(invoked, "/phase"), "token");
  EXPECT_EQ(member(invoked, "/operation"), "GET https://api.example/v1/pets");
  const auto& members = invoked.result.get_object();
  EXPECT_EQ((members.end() - 2)->key(), "phase");
  EXPECT_EQ((members.end() - 1)->key(), "operation");
  EXPECT_FALSE(invoked.ok);
  EXPECT_FALSE(invoked.reached);
  EXPECT_THAT(http_.sent, IsEmpty());
}

TEST_F(InvokerCalls, ATokenAnswerThatLooksWellIsNeverShown) {
  script_.failure = AuthFailure{.error = {Fault::invalid, "no access_token in the answer", {}},
                                .answer = openapi::Received{.method = "POST",
                                                            .url = "https://login.example/token",
                                                            .status = 200,
                                                            .body = R"({"acces_token":"canary-3f9a1c77"})"}};
  EXPECT_THAT(text(invoke("list")), HasSubstr("not authorised: no access_token in the answer"));
}

TEST_F(InvokerCalls, AuthorisingThatTakesForeverEndsWithTheTimeout) {
  declare(R"({"timeoutMs": 300})");
  script_.holding = true;
  auto& slot = start("list");
  loop_.advance(299ms);
  EXPECT_FALSE(slot);
  loop_.advance(1ms);
  ASSERT_TRUE(slot);
  EXPECT_EQ(text(*slot), "timeout after 300 ms: GET https://api.example/v1/pets");

  for (auto& act : script_.held) act();  // too late
  loop_.run();
  EXPECT_THAT(http_.sent, IsEmpty());
}

TEST_F(InvokerCalls, TimeThatAuthorisingTookIsNotThereForTheRequest) {
  script_.holding = true;
  start("list");
  loop_.advance(10s);
  for (auto& act : script_.held) act();
  EXPECT_EQ(http_.sent.at(0).limits.timeout, 20s);
}

// Credentials that are refused.

TEST_F(InvokerCalls, ARefusedCredentialIsRenewedOnceAndTheCallMadeAgain) {
  script_.worth_another_try = true;
  answers({http_answer(401), http_answer(200, "[]")});
  const Invoked invoked = invoke("create");
  EXPECT_TRUE(invoked.ok);
  EXPECT_EQ(invoked.attempts, 2);
  EXPECT_THAT(script_.refused, ElementsAre(401));
  EXPECT_TRUE(mentions(http_.sent.at(1).request, "canary-3f9a1c77-1")) << "with another key";
}

TEST_F(InvokerCalls, ASecondRefusalIsTheResult) {
  script_.worth_another_try = true;
  answers({http_answer(403)});
  const Invoked invoked = invoke("list");
  EXPECT_EQ(int_at(invoked.result, "/status"), 403);
  EXPECT_THAT(http_.sent, SizeIs(2));
}

TEST_F(InvokerCalls, WhereAnotherTryIsNotWorthItTheFirstRefusalIsTheResult) {
  answers({http_answer(401)});
  invoke("list");
  EXPECT_THAT(http_.sent, SizeIs(1));
}

TEST_F(InvokerCalls, ARefusalOfWhatHadNoCredentialsAsksNobody) {
  script_.worth_another_try = true;
  answers({http_answer(401)});
  invoke("open");
  EXPECT_THAT(script_.refused, IsEmpty());
  EXPECT_THAT(http_.sent, SizeIs(1));
}

// Repetitions.

TEST_F(InvokerCalls, WhatWasNotSentIsRepeatedForEveryMethod) {
  answers({http_failure(Stage::connect, Fault::unavailable), http_answer(201)});
  const Invoked invoked = invoke("create");
  EXPECT_TRUE(invoked.ok);
  EXPECT_EQ(invoked.attempts, 2);
}

TEST_F(InvokerCalls, WhatMayHaveBeenSentIsRepeatedForIdempotentMethodsAlone) {
  answers({http_failure(Stage::receive, Fault::unavailable, true), http_answer(200)});
  EXPECT_TRUE(invoke("remove").ok);
  answers({http_failure(Stage::receive, Fault::unavailable, true), http_answer(200)});
  EXPECT_THAT(text(invoke("create")), HasSubstr("receive: as the test says"));
}

TEST_F(InvokerCalls, AnOverloadedTargetIsAskedAgainAtMostAsOftenAsIsAllowed) {
  answers({http_answer(503)});
  const Invoked invoked = invoke("list");
  EXPECT_EQ(int_at(invoked.result, "/status"), 503);
  EXPECT_EQ(invoked.attempts, 3);
  declare(R"({"limits": {"maxAttempts": 1}})");
  EXPECT_EQ(invoke("list").attempts, 1);
}

TEST_F(InvokerCalls, PausesGrowBetweenRepetitions) {
  answers({http_answer(502)});
  start("list");
  EXPECT_THAT(http_.sent, SizeIs(1));
  loop_.advance(49ms);
  EXPECT_THAT(http_.sent, SizeIs(1));
  loop_.advance(1ms);
  EXPECT_THAT(http_.sent, SizeIs(2));
  loop_.advance(99ms);
  EXPECT_THAT(http_.sent, SizeIs(2));
  loop_.advance(1ms);
  EXPECT_THAT(http_.sent, SizeIs(3));
}

TEST_F(InvokerCalls, WhatTheTargetAsksForIsWaited) {
  HttpResponse later = http_answer(429);
  later.headers.emplace_back("Retry-After", "7");
  answers({later, http_answer(200)});
  auto& slot = start("list");
  loop_.advance(6999ms);
  EXPECT_THAT(http_.sent, SizeIs(1));
  loop_.advance(1ms);
  EXPECT_TRUE(slot && slot->ok);
  EXPECT_EQ(http_.sent.at(1).limits.timeout, 23s);
}

TEST_F(InvokerCalls, AskedToWaitLongerThanThereIsTimeTheAnswerIsTheResultAtOnce) {
  HttpResponse later = http_answer(503);
  later.headers.emplace_back("Retry-After", "30");
  answers({later});
  auto& slot = start("list");
  ASSERT_TRUE(slot);
  EXPECT_EQ(int_at(slot->result, "/status"), 503);
}

TEST_F(InvokerCalls, PostIsNeverRepeatedForAStatus) {
  for (const int status : {429, 502, 503, 504}) {
    http_.sent.clear();
    answers({http_answer(status)});
    invoke("create");
    EXPECT_THAT(http_.sent, SizeIs(1)) << status;
    declare(fmt::format(R"({{"timeoutMs": {}}})", 1000 + status));  // another breaker
  }
}

// Rate limit and circuit breaker.

TEST_F(InvokerCalls, CallsWaitForTheirTurn) {
  declare(R"({"limits": {"requestsPerSecond": 1, "burst": 1}})");
  EXPECT_TRUE(start("list"));
  auto& second = start("list");
  EXPECT_FALSE(second);
  loop_.advance(1s);
  EXPECT_TRUE(second && second->ok);
}

TEST_F(InvokerCalls, ATurnAfterTheTimeoutIsAString) {
  declare(R"({"limits": {"requestsPerSecond": 1, "burst": 1}, "timeoutMs": 500})");
  start("list");
  auto& second = start("list");
  ASSERT_TRUE(second);
  EXPECT_THAT(text(*second), HasSubstr("rate limit of 1 requests a second (burst 1): the next turn is in 1000 ms"));
  EXPECT_EQ(second->fault, Fault::unavailable);
}

TEST_F(InvokerCalls, RepetitionsWaitForTheirTurnAndWithoutOneTheAnswerAtHandIsTheResult) {
  declare(R"({"limits": {"requestsPerSecond": 0.5, "burst": 1}, "timeoutMs": 3000})");
  answers({http_answer(503)});
  auto& slot = start("list");
  loop_.advance(1999ms);
  EXPECT_THAT(http_.sent, SizeIs(1));
  loop_.advance(1ms);
  EXPECT_THAT(http_.sent, SizeIs(2));
  ASSERT_TRUE(slot);
  EXPECT_EQ(int_at(slot->result, "/status"), 503);
}

TEST_F(InvokerCalls, ABrokenTargetIsLeftAloneUntilItsTrial) {
  declare(R"({"circuitBreaker": {"failures": 2, "openSeconds": 30}})");
  answers({http_answer(500)});
  invoke("list");
  invoke("list");
  const Invoked refused = invoke("list");
  EXPECT_EQ(text(refused),
            "GET https://api.example/v1/pets: circuit breaker: 2 calls failed in a row, none is made until "
            "2026-11-20T00:00:30.000Z");
  EXPECT_THAT(http_.sent, SizeIs(2));

  loop_.advance(30s);
  answers({http_answer(200)});
  EXPECT_TRUE(invoke("list").ok);
  EXPECT_TRUE(invoke("list").ok);
}

TEST_F(InvokerCalls, OneTrialAtATimeAndTheOthersSaySo) {
  declare(R"({"circuitBreaker": {"failures": 1, "openSeconds": 30}})");
  answers({http_answer(500)});
  invoke("list");
  loop_.advance(30s);
  http_.holding = true;
  start("list");
  auto& beside = start("list");
  ASSERT_TRUE(beside);
  EXPECT_THAT(text(*beside), HasSubstr("none is made while a trial call is under way"));
}

TEST_F(InvokerCalls, ATrialThatCouldNotBeAuthorisedLeavesTheTrialToTheNext) {
  declare(R"({"circuitBreaker": {"failures": 1, "openSeconds": 30}})");
  answers({http_answer(500), http_answer(200)});
  invoke("list");
  loop_.advance(30s);
  script_.failure = AuthFailure{.error = {Fault::unavailable, "no token", {}}};
  invoke("list");
  script_.failure.reset();
  EXPECT_TRUE(invoke("list").ok);
}

TEST_F(InvokerCalls, ABreakerThatOpensEndsTheRepetitions) {
  declare(R"({"circuitBreaker": {"failures": 2}})");
  answers({http_answer(503)});
  const Invoked invoked = invoke("list");
  EXPECT_EQ(invoked.attempts, 2);
  EXPECT_EQ(int_at(invoked.result, "/status"), 503);
}

TEST_F(InvokerCalls, AnswersOfAClientsMistakeDoNotOpenTheBreaker) {
  declare(R"({"circuitBreaker": {"failures": 1}})");
  for (const int status : {400, 401, 404, 409}) {
    answers({http_answer(status)});
    EXPECT_TRUE(invoke("list").reached) << status;
  }
  answers({http_failure(Stage::egress, Fault::denied)});
  invoke("list");
  answers({http_answer(200)});
  EXPECT_TRUE(invoke("list").ok);
}

// Records.

TEST_F(InvokerCalls, EveryCallLeavesOneRecordWithItsAttempts) {
  answers({http_failure(Stage::connect, Fault::unavailable), http_answer(200)});
  invoke("list", R"({"limit": 3})");
  ASSERT_THAT(records_, SizeIs(1));
  const CallRecord& record = records_[0];
  EXPECT_EQ(record.integration, kPets);
  EXPECT_EQ(record.operation, "list");
  EXPECT_EQ(record.actor, "ServiceAccount/ci");
  EXPECT_EQ(record.request_id, "r-1");
  EXPECT_EQ(record.routing, "direct");
  EXPECT_TRUE(record.ok);
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.error, "");
  EXPECT_EQ(record.took, 100ms);
  ASSERT_THAT(record.attempts, SizeIs(2));
  EXPECT_EQ(record.attempts[0].request_line, "GET https://api.example/v1/pets?limit=3");
  EXPECT_EQ(record.attempts[0].outcome, "connect: as the test says");
  EXPECT_EQ(record.attempts[1].outcome, "200");
  EXPECT_THAT(record.attempts[1].headers, IsEmpty()) << "off below debug";

  Invocation lost = invocation("list");
  lost.integration.name = "none";
  invoke(std::move(lost));
  ASSERT_THAT(records_, SizeIs(2));
  EXPECT_EQ(records_[1].fault, Fault::not_found);
  EXPECT_THAT(records_[1].error, HasSubstr("there is no"));
}

TEST_F(InvokerCalls, AtDebugTheRecordHasTheHeadersMasked) {
  declare(R"({"logging": {"level": "debug"}})");
  invoke("list");
  EXPECT_THAT(records_.at(0).attempts.at(0).headers, ::testing::Contains(Pair("X-Key", "***")));
}

// Probes.

TEST_F(InvokerCalls, AProbeThatIsOffSendsNothingAndIsWell) {
  EXPECT_TRUE(probe().ok);
  EXPECT_THAT(http_.sent, IsEmpty());
}

TEST_F(InvokerCalls, AProbeOfWhatIsNotConfiguredIsAString) {
  declare(R"({"authentication": {}})");
  EXPECT_THAT(text(probe()), HasSubstr("is not configured"));
}

TEST_F(InvokerCalls, AProbeByHeadAsksTheBaseWithCredentialsAndTakesAnyAnswerOfThem) {
  declare(R"({"probe": {"mode": "Head"}})");
  answers({http_answer(404)});
  EXPECT_TRUE(probe().ok);
  EXPECT_EQ(http_.sent.at(0).request.method, "HEAD");
  EXPECT_EQ(to_string(http_.sent.at(0).request.url), "https://api.example/v1");
  EXPECT_TRUE(mentions(http_.sent.at(0).request, kCanary));
  answers({http_answer(401)});
  EXPECT_FALSE(probe().ok);
  answers({http_failure(Stage::resolve, Fault::unavailable)});
  EXPECT_FALSE(probe().ok);
  declare(R"({"probe": {"mode": "Head"}, "server": {"basePath": "/"}})");
  answers({http_answer(200)});
  probe();
  EXPECT_EQ(to_string(http_.sent.back().request.url), "https://api.example/");
}

TEST_F(InvokerCalls, AProbeByAnOperationHasToSucceed) {
  declare(R"({"probe": {"mode": "Operation", "operationId": "list"}})");
  EXPECT_TRUE(probe().ok);
  EXPECT_EQ(http_.sent.at(0).request.url.path, "/v1/pets");
  answers({http_answer(404)});
  EXPECT_FALSE(probe().ok);
}

TEST_F(InvokerCalls, TheEndOfTheInvokerLeavesCallsUnderWayToTheirEnd) {
  http_.holding = true;
  auto& slot = start("list");
  invoker_.reset();
  http_.release();
  loop_.run();
  EXPECT_TRUE(slot && slot->ok);
}

}  // namespace
}  // namespace plumb::runtime
