"""Every policy holds of every build, and notices each fault that it is there for."""

import pytest

from manifests import BUILDS, manifests
from policies import LABEL, OF_PRODUCTION, POLICIES, builds_of, kustomizations
from tools import ROOT

by_name = {check.__name__: check for check in POLICIES}


@pytest.mark.parametrize("check, build", [(check, build) for check in POLICIES
                                          for build in builds_of(check)],
                         ids=lambda value: getattr(value, "__name__", value))
def test_policy_holds(check, build):
    assert list(check(manifests(build))) == []


# ---- faults -----------------------------------------------------------------------------

# Policy -> faults; each changes a copy of the build `challenger`, which has everything. A comment
# names what the original had, where it had it.
FAULTS = {}


def fault(check):
    def take(function):
        FAULTS.setdefault(check, []).append(function)
        return function
    return take


def spec(m, kind):
    return m.one(kind)["spec"]


def api(m):
    return m.containers["api"]


def stream(m):
    return m.containers["stream"]


def sync(m, name="sync"):
    return m.all_containers[name]


def variable(container, name):
    return next(v for v in container["env"] if v["name"] == name)


def mount(container, name="models"):
    return next(v for v in container["volumeMounts"] if v["name"] == name)


@fault("names_are_the_promised_ones")
def another_hpa(m):
    m.one("HorizontalPodAutoscaler")["metadata"]["name"] = "hpa"


@fault("names_are_the_promised_ones")
def no_network_policy(m):
    m.documents = [d for d in m.documents if d["kind"] != "NetworkPolicy"]


@fault("everything_is_in_one_namespace")
def elsewhere(m):
    m.one("Service")["metadata"]["namespace"] = "default"


@fault("the_project_allows_what_is_used_and_nothing_else")
def any_cluster_wide_kind(m):
    spec(m, "AppProject")["clusterResourceWhitelist"] = [{"group": "*", "kind": "*"}]


@fault("the_project_allows_what_is_used_and_nothing_else")
def secrets_allowed(m):
    spec(m, "AppProject")["namespaceResourceWhitelist"].append({"group": "", "kind": "Secret"})


@fault("the_project_allows_what_is_used_and_nothing_else")
def hpa_not_allowed(m):
    spec(m, "AppProject")["namespaceResourceWhitelist"] = [
        e for e in spec(m, "AppProject")["namespaceResourceWhitelist"]
        if e["kind"] != "HorizontalPodAutoscaler"]


@fault("the_project_knows_one_repository_and_one_destination")
def any_repository(m):
    spec(m, "AppProject")["sourceRepos"] = ["*"]


@fault("the_project_knows_one_repository_and_one_destination")
def any_namespace(m):
    spec(m, "AppProject")["destinations"][0]["namespace"] = "*"


@fault("the_application_syncs_and_heals_by_itself")
def no_self_heal(m):
    spec(m, "Application")["syncPolicy"]["automated"]["selfHeal"] = False


@fault("the_application_syncs_and_heals_by_itself")
def no_such_path(m):
    spec(m, "Application")["source"]["path"] = "argocd/nothing"


@fault("the_application_syncs_and_heals_by_itself")
def no_retry(m):
    del spec(m, "Application")["syncPolicy"]["retry"]


@fault("settings_outlive_their_rollout")
def prune_at_once(m):
    del m.configuration["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]


@fault("settings_outlive_their_rollout")
def out_of_sync_ever_after(m):
    del m.configuration["metadata"]["annotations"]["argocd.argoproj.io/compare-options"]


@fault("a_revert_does_not_wait")
def prune_last(m):
    spec(m, "Application")["syncPolicy"]["syncOptions"].append("PruneLast=true")


@fault("a_revert_does_not_wait")
def retry_what_failed(m):
    del spec(m, "Application")["syncPolicy"]["retry"]["refresh"]


@fault("replicas_are_the_hpas")
def replicas_in_git(m):  # the original
    spec(m, "Deployment")["replicas"] = 4


@fault("replicas_are_the_hpas")
def replicas_not_ignored(m):  # the original
    del spec(m, "Application")["ignoreDifferences"]


@fault("replicas_are_the_hpas")
def another_deployment_ignored(m):
    spec(m, "Application")["ignoreDifferences"][0]["name"] = "tasks10-ml-service"


@fault("replicas_are_the_hpas")
def ignored_by_eye_only(m):
    spec(m, "Application")["syncPolicy"]["syncOptions"].remove("RespectIgnoreDifferences=true")


@fault("selectors_select_the_pods")
def service_of_others(m):
    spec(m, "Service")["selector"] = {"app": "tasks10-ml-service"}


@fault("selectors_select_the_pods")
def budget_of_nobody(m):
    spec(m, "PodDisruptionBudget")["selector"] = {}


@fault("selectors_are_the_written_ones")
def common_labels(m):  # the original
    for labels in (spec(m, "Deployment")["selector"]["matchLabels"],
                   spec(m, "Deployment")["template"]["metadata"]["labels"],
                   spec(m, "Service")["selector"]):
        labels["managed-by"] = "argocd"


@fault("the_servicemonitor_finds_the_service")
def metrics_label_mismatch(m):  # the original
    spec(m, "ServiceMonitor")["selector"]["matchLabels"] = {"app": "tasks10-ml-service"}


@fault("the_servicemonitor_finds_the_service")
def service_without_labels(m):
    del m.one("Service")["metadata"]["labels"]


@fault("the_servicemonitor_finds_the_service")
def port_by_number(m):
    spec(m, "ServiceMonitor")["endpoints"][0]["port"] = "metrics"


@fault("metrics_are_scraped_where_they_are")
def health_as_metrics(m):  # the original
    spec(m, "ServiceMonitor")["endpoints"][0]["path"] = "/health"


@fault("metrics_are_scraped_where_they_are")
def scraped_twice(m):
    spec(m, "ServiceMonitor")["endpoints"] *= 2


@fault("metrics_are_scraped_where_they_are")
def scraped_seldom(m):
    spec(m, "ServiceMonitor")["endpoints"][0]["interval"] = "1m"


@fault("metrics_are_scraped_where_they_are")
def labels_of_the_page(m):
    spec(m, "ServiceMonitor")["endpoints"][0]["honorLabels"] = True


@fault("metrics_keep_their_labels")
def port_as_endpoint(m):
    del spec(m, "ServiceMonitor")["endpoints"][0]["relabelings"]


@fault("ports_have_names_that_exist")
def service_to_another_port(m):
    spec(m, "Service")["ports"][0]["targetPort"] = "web"


@fault("ports_have_names_that_exist")
def listens_on_another_port(m):
    m.settings["API_PORT"] = "8080"


@fault("ports_have_names_that_exist")
def listens_to_itself(m):
    m.settings["API_HOST"] = "127.0.0.1"


@fault("ports_have_names_that_exist")
def probe_of_another_port(m):
    api(m)["readinessProbe"]["httpGet"]["port"] = "health"


@fault("dashboards_are_found_and_fit")
def label_that_no_sidecar_knows(m):
    m.dashboards[0]["metadata"]["labels"]["grafana_dashboard"] = "true"


@fault("dashboards_are_found_and_fit")
def dashboard_with_a_hash(m):
    m.dashboards[0]["metadata"]["name"] += "-abc"


@fault("dashboards_are_found_and_fit")
def dashboard_in_no_folder(m):
    del m.dashboards[0]["metadata"]["annotations"]["grafana_folder"]


@fault("dashboards_are_found_and_fit")
def dashboard_of_another_uid(m):
    data = m.dashboards[0]["data"]
    for name in data:
        data[name] = data[name].replace("tasks10-ml-dashboard", "another")


@fault("dashboards_are_found_and_fit")
def dashboard_too_large(m):
    m.dashboards[0]["data"]["more.json"] = '{"uid": "' + "x" * 300_000 + '"}'


@fault("dashboards_are_found_and_fit")
def no_dashboard(m):
    m.documents = [d for d in m.documents if d not in m.dashboards]


@fault("the_configmap_is_known_by_its_content")
def no_hash(m):
    m.configuration["metadata"]["name"] = "tasks10-ml-service-config"


@fault("the_configmap_is_known_by_its_content")
def settings_of_another(m):
    stream(m)["envFrom"][0]["configMapRef"]["name"] += "x"


@fault("pods_have_no_rights")
def root(m):
    m.pod["securityContext"]["runAsUser"] = 0


@fault("pods_have_no_rights")
def no_seccomp(m):
    del m.pod["securityContext"]["seccompProfile"]


@fault("pods_have_no_rights")
def network_of_the_node(m):
    m.pod["hostNetwork"] = True


@fault("pods_have_no_rights")
def files_of_the_node(m):
    m.pod["volumes"].append({"name": "node", "hostPath": {"path": "/"}})


@fault("containers_have_no_rights")
def writable_root(m):
    stream(m)["securityContext"]["readOnlyRootFilesystem"] = False


@fault("containers_have_no_rights")
def a_capability(m):
    api(m)["securityContext"]["capabilities"]["add"] = ["NET_BIND_SERVICE"]


@fault("containers_have_no_rights")
def escalation(m):
    del api(m)["securityContext"]["allowPrivilegeEscalation"]


@fault("containers_have_no_rights")
def root_in_one_container(m):
    stream(m)["securityContext"]["runAsUser"] = 0


@fault("the_namespace_refuses_more_rights")
def baseline(m):
    m.one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"


@fault("nobody_talks_to_kubernetes")
def a_token(m):
    del m.pod["automountServiceAccountToken"]


@fault("nobody_talks_to_kubernetes")
def service_links(m):
    del m.pod["enableServiceLinks"]


@fault("nobody_talks_to_kubernetes")
def default_account(m):
    m.pod["serviceAccountName"] = "default"


@fault("nobody_talks_to_kubernetes")
def a_role(m):
    m.documents.append({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding"})


@fault("no_secret_is_in_git")
def password_in_a_configmap(m):  # the original
    m.settings["KAFKA_SASL_PASSWORD"] = "hunter2"


@fault("no_secret_is_in_git")
def password_in_an_address(m):  # the original
    m.settings["MLFLOW_TRACKING_URI"] = "http://admin:hunter2@mlflow:5000"


@fault("no_secret_is_in_git")
def token_in_the_environment(m):
    api(m)["env"].append({"name": "REGISTRY_TOKEN", "value": "hunter2"})


@fault("no_secret_is_in_git")
def a_secret_of_git(m):
    m.documents.append({"apiVersion": "v1", "kind": "Secret", "stringData": {}})


@fault("secrets_are_files_and_optional")
def a_secret_in_the_environment(m):
    api(m)["env"].append({"name": "X", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}})


@fault("secrets_are_files_and_optional")
def a_secret_of_the_registry_in_another_container(m):
    api(m)["env"].append(variable(sync(m), "MLFLOW_TRACKING_PASSWORD"))


@fault("secrets_are_files_and_optional")
def a_password_that_must_exist(m):
    del variable(sync(m), "MLFLOW_TRACKING_TOKEN")["valueFrom"]["secretKeyRef"]["optional"]


@fault("secrets_are_files_and_optional")
def another_secret_for_whoever_starts_the_pod(m):
    variable(sync(m, "first-model"), "AWS_SECRET_ACCESS_KEY")["valueFrom"]["secretKeyRef"][
        "name"] = "another"


@fault("secrets_are_files_and_optional")
def a_secret_for_everybody(m):
    next(v for v in m.pod["volumes"] if "secret" in v)["secret"]["defaultMode"] = 0o444


@fault("secrets_are_files_and_optional")
def a_secret_that_must_exist(m):
    del next(v for v in m.pod["volumes"] if "secret" in v)["secret"]["optional"]


def network(m, name="tasks10-ml-service"):
    return next(p["spec"] for p in m.all("NetworkPolicy") if p["metadata"]["name"] == name)


@fault("the_network_is_closed")
def open_to_everybody(m):
    network(m)["ingress"].append({"ports": [{"port": "http"}]})


@fault("the_network_is_closed")
def every_namespace(m):
    network(m)["ingress"][0]["from"][0]["namespaceSelector"] = {}


@fault("the_network_is_closed")
def free_to_leave(m):
    network(m)["policyTypes"].remove("Egress")


@fault("the_network_is_closed")
def any_port_of_kafka(m):
    del network(m, "tasks10-ml-service-kafka")["egress"][0]["ports"]


@fault("the_ingress_lets_in_what_clients_need")
def metrics_for_everybody(m):
    path = spec(m, "Ingress")["rules"][0]["http"]["paths"][0]
    path["pathType"] = "Prefix"


@fault("the_ingress_lets_in_what_clients_need")
def no_class(m):
    del spec(m, "Ingress")["ingressClassName"]


@fault("the_ingress_lets_in_what_clients_need")
def plain_http(m):
    del spec(m, "Ingress")["tls"]


@fault("the_ingress_lets_in_what_clients_need")
def smaller_bodies(m):
    m.one("Ingress")["metadata"]["annotations"][
        "nginx.ingress.kubernetes.io/proxy-body-size"] = "1m"


@fault("only_the_ingress_says_who_a_client_is")
def everybody_is_a_proxy(m):
    m.settings["TRUSTED_PROXIES"] = "10.244.0.0/16, 0.0.0.0/0"


@fault("only_the_ingress_says_who_a_client_is")
def nobody_is_a_proxy(m):
    m.settings["TRUSTED_PROXIES"] = ""


@fault("readiness_is_not_liveness")
def the_same_probe_twice(m):  # the original
    api(m)["livenessProbe"]["httpGet"]["path"] = "/readyz"


@fault("readiness_is_not_liveness")
def health_for_all(m):  # the original
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        api(m)[probe]["httpGet"]["path"] = "/health"


@fault("readiness_is_not_liveness")
def no_startup_probe(m):
    del api(m)["startupProbe"]


@fault("kafka_decides_nothing_about_http")
def stream_must_be_ready(m):
    stream(m)["readinessProbe"] = stream(m)["livenessProbe"]


@fault("kafka_decides_nothing_about_http")
def stream_restarts_without_kafka(m):
    stream(m)["livenessProbe"]["exec"]["command"] = ["/usr/bin/rowan-stream", "ready"]


@fault("rollouts_and_goodbyes_lose_no_request")
def a_pod_less(m):
    spec(m, "Deployment")["strategy"]["rollingUpdate"]["maxUnavailable"] = "25%"


@fault("rollouts_and_goodbyes_lose_no_request")
def recreate(m):
    spec(m, "Deployment")["strategy"] = {"type": "Recreate"}


@fault("rollouts_and_goodbyes_lose_no_request")
def no_pre_stop(m):
    del api(m)["lifecycle"]


@fault("rollouts_and_goodbyes_lose_no_request")
def killed_early(m):
    m.pod["terminationGracePeriodSeconds"] = 10


@fault("rollouts_and_goodbyes_lose_no_request")
def stuck_unnoticed(m):
    del spec(m, "Deployment")["progressDeadlineSeconds"]


@fault("pods_are_spread_and_drained_one_by_one")
def all_on_one_node(m):
    del m.pod["topologySpreadConstraints"]


@fault("pods_are_spread_and_drained_one_by_one")
def no_pod_where_nodes_are_few(m):
    m.pod["topologySpreadConstraints"][0]["whenUnsatisfiable"] = "DoNotSchedule"


@fault("pods_are_spread_and_drained_one_by_one")
def never_drained(m):
    spec(m, "PodDisruptionBudget")["maxUnavailable"] = 0


@fault("every_container_has_requests_and_limits")
def no_resources(m):
    del api(m)["resources"]


@fault("every_container_has_requests_and_limits")
def no_memory_limit(m):
    del stream(m)["resources"]["limits"]["memory"]


@fault("every_container_has_requests_and_limits")
def limit_below_request(m):
    api(m)["resources"]["limits"]["memory"] = "32Mi"


@fault("either_container_can_move_the_hpa")
def stream_bound_below_the_target(m):
    stream(m)["resources"]["limits"]["cpu"] = "250m"


@fault("the_hpa_is_the_plans")
def up_to_ten(m):
    spec(m, "HorizontalPodAutoscaler")["maxReplicas"] = 10


@fault("the_hpa_is_the_plans")
def no_memory_target(m):
    spec(m, "HorizontalPodAutoscaler")["metrics"].pop()


@fault("the_hpa_is_the_plans")
def scales_nothing(m):
    spec(m, "HorizontalPodAutoscaler")["scaleTargetRef"]["name"] = "tasks10-ml-service"


@fault("the_hpa_takes_its_time")
def behavior_by_default(m):
    del spec(m, "HorizontalPodAutoscaler")["behavior"]


@fault("the_hpa_takes_its_time")
def down_at_once(m):
    spec(m, "HorizontalPodAutoscaler")["behavior"]["scaleDown"]["policies"][0]["value"] = 2


@fault("files_are_in_memory_and_bounded")
def files_on_the_node(m):
    next(v for v in m.pod["volumes"] if v["name"] == "run")["emptyDir"] = {}


@fault("files_are_in_memory_and_bounded")
def files_that_fill_the_memory(m):
    next(v for v in m.pod["volumes"] if v["name"] == "run")["emptyDir"]["sizeLimit"] = "1Gi"


@fault("containers_share_the_metrics")
def metrics_of_its_own(m):
    stream(m)["env"] = [v for v in stream(m)["env"] if v["name"] != "METRICS_DIR"]


@fault("containers_share_the_metrics")
def runtime_on_the_read_only_root(m):
    api(m)["volumeMounts"] = [v for v in api(m)["volumeMounts"] if v["name"] != "run"]


@fault("replicas_have_their_own_name")
def one_name_for_all(m):
    stream(m)["env"][0] = {"name": "REPLICA_ID", "value": "stream"}


@fault("kafka_fetches_are_bounded")
def fetches_as_large_as_they_come(m):
    del m.settings["KAFKA_FETCH_MESSAGE_MAX_BYTES"]


@fault("all_containers_have_one_pinned_image")
def latest(m):
    for container in m.pod["containers"]:
        container["image"] = "registry.example.com:5000/tasks10-ml-api:latest"


@fault("all_containers_have_one_pinned_image")
def no_tag(m):
    for container in m.pod["containers"]:
        container["image"] = "registry.example.com:5000/tasks10-ml-api"


@fault("all_containers_have_one_pinned_image")
def two_images(m):
    stream(m)["image"] = "tasks10-ml-api:other"


@fault("all_containers_have_one_pinned_image")
def pulled_always(m):
    api(m)["imagePullPolicy"] = "Always"


@fault("only_real_models_are_served")
def a_mock(m):  # the original
    m.settings["USE_MOCK_MODEL"] = "true"


@fault("only_real_models_are_served")
def a_model_by_chance(m):
    m.settings["MODEL_OPTIONAL"] = "1"


@fault("only_real_models_are_served")
def a_model_of_somebody(m):
    variable(sync(m), "SYNC_FALLBACK")["value"] = "/tmp/model"


@fault("the_first_model_is_there_before_the_service")
def no_first_model(m):
    del m.pod["initContainers"]


@fault("the_first_model_is_there_before_the_service")
def a_first_look_that_never_ends(m):
    sync(m, "first-model")["command"].remove("--once")


@fault("the_first_model_is_there_before_the_service")
def no_start_without_the_registry(m):
    sync(m, "first-model")["env"].remove(variable(sync(m, "first-model"), "SYNC_FALLBACK"))


@fault("the_first_model_is_there_before_the_service")
def nobody_follows(m):
    m.pod["containers"] = [c for c in m.pod["containers"] if c["name"] != "sync"]


@fault("the_first_model_is_there_before_the_service")
def no_registry(m):
    del m.settings["MLFLOW_TRACKING_URI"]


@fault("the_first_model_is_there_before_the_service")
def two_swap_one_link(m):
    variable(sync(m, "sync-challenger"), "MODEL_DIR")["value"] = m.settings["MODEL_DIR"]


@fault("models_are_written_by_sync_alone")
def api_may_change_its_model(m):
    del mount(api(m))["readOnly"]


@fault("models_are_written_by_sync_alone")
def sync_may_not_write(m):
    mount(sync(m))["readOnly"] = True


@fault("models_are_written_by_sync_alone")
def stream_sees_no_model(m):
    stream(m)["volumeMounts"].remove(mount(stream(m)))


@fault("models_are_written_by_sync_alone")
def a_link_elsewhere(m):
    m.settings["MODEL_DIR"] = "/models/fraud"


@fault("models_are_written_by_sync_alone")
def models_of_a_secret(m):
    volume = next(v for v in m.pod["volumes"] if v["name"] == "models")
    del volume["emptyDir"]
    volume["secret"] = {}


@fault("a_challenger_is_followed_and_harms_nobody")
def two_champions(m):
    variable(sync(m, "sync-challenger"), "MLFLOW_MODEL_ALIAS")["value"] = "champion"


@fault("a_challenger_is_followed_and_harms_nobody")
def no_challenger_without_the_alias(m):
    variable(sync(m, "sync-challenger"), "SYNC_FALLBACK")["value"] = "/models/fraud"


@fault("a_challenger_is_followed_and_harms_nobody")
def a_challenger_that_nobody_asks(m):
    del m.settings["CHALLENGER_SHADOW"]


@fault("a_challenger_is_followed_and_harms_nobody")
def a_challenger_for_most(m):
    m.settings["CHALLENGER_SHARE"] = "80"


@fault("a_challenger_is_followed_and_harms_nobody")
def a_follower_of_a_challenger_that_is_not_served(m):
    del m.settings["CHALLENGER_DIR"]


@fault("the_registry_decides_nothing_about_http")
def sync_must_be_ready(m):
    sync(m)["readinessProbe"] = {"exec": {"command": ["/usr/bin/rowan-sync", "--once"]}}


@fault("files_are_in_memory_and_bounded")
def models_that_fill_the_memory_of_sync(m):
    sync(m, "sync-challenger")["resources"]["limits"]["memory"] = "128Mi"


@fault("the_network_is_closed")
def any_port_of_the_registry(m):
    del network(m, "tasks10-ml-service-registry")["egress"][0]["ports"]


@fault("containers_have_no_rights")
def a_first_model_with_rights(m):
    del sync(m, "first-model")["securityContext"]


@fault("every_container_has_requests_and_limits")
def a_first_model_without_limits(m):
    del sync(m, "first-model")["resources"]["limits"]


@fault("production_says_so")
def development(m):
    del m.settings["ENVIRONMENT"]


@pytest.mark.parametrize("check, change", [(check, change) for check, changes in FAULTS.items()
                                           for change in changes],
                         ids=lambda value: getattr(value, "__name__", value))
def test_policy_notices(check, change):
    broken = manifests("challenger")
    change(broken)
    assert list(by_name[check](broken)) != []


def test_every_policy_has_a_fault():
    assert set(FAULTS) == set(by_name)
    assert OF_PRODUCTION < set(POLICIES)


def test_no_kustomization_touches_selectors():
    """commonLabels do, and `labels` with includeSelectors: true."""
    files = kustomizations()
    assert len(files) >= len(BUILDS)
    for path in files:
        text = path.read_text()
        assert "commonLabels" not in text, path.relative_to(ROOT)
        assert "includeSelectors: true" not in text, path.relative_to(ROOT)
    assert LABEL
