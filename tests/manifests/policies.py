"""What must hold of the manifests. A policy yields what is wrong; nothing, if nothing is.

test_policies.py runs each against every build, and breaks a copy in the ways that it is there
to notice.
"""

import json
import math
import re
from functools import cache

from manifests import ARGOCD, BUILDS, PRODUCTION, manifests, quantity
from tools import BUILD, ROOT, output

NAMESPACE = "mlops-tasks10"
NAME = "tasks10-ml-service"
LABEL = {"app.kubernetes.io/name": NAME}
HOST = "tasks10-ml-api.darveter.com"
DASHBOARD = "tasks10-ml-dashboard"
NAMES = {"Namespace": NAMESPACE, "Deployment": f"{NAME}-api", "Service": NAME, "Ingress": NAME,
         "HorizontalPodAutoscaler": f"{NAME}-hpa", "ServiceMonitor": NAME, "PrometheusRule": NAME,
         "PodDisruptionBudget": NAME, "ServiceAccount": NAME, "AppProject": NAME,
         "Application": NAME}
CLUSTER_WIDE = {"Namespace"}
# Kinds that Argo CD shows below those of the manifests, see project.yaml.
SHOWN = {("apps", "ReplicaSet"), ("", "Pod")}
POLICIES = []
OF_PRODUCTION = set()


def policy(function):
    POLICIES.append(function)
    return function


def policy_of_production(function):
    OF_PRODUCTION.add(function)
    return policy(function)


def group_kind(document):
    group, _, _ = document["apiVersion"].rpartition("/")
    return group, document["kind"]


def holds(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


# ---- names ------------------------------------------------------------------------------


@policy
def names_are_the_promised_ones(m):
    for kind, name in NAMES.items():
        found = [document["metadata"]["name"] for document in m.all(kind)]
        if found != [name]:
            yield f"{kind}: {found} is not {name}"
    if NAME not in [p["metadata"]["name"] for p in m.all("NetworkPolicy")]:
        yield f"no NetworkPolicy {NAME}"


@policy
def everything_is_in_one_namespace(m):
    for document in m.built:
        namespace = document["metadata"].get("namespace")
        if document["kind"] not in CLUSTER_WIDE and namespace != NAMESPACE:
            yield f"{document['kind']}: namespace {namespace}"


# ---- Argo CD ----------------------------------------------------------------------------


@policy
def the_project_allows_what_is_used_and_nothing_else(m):
    spec = m.one("AppProject")["spec"]
    wide = {(entry["group"], entry["kind"]) for entry in spec["clusterResourceWhitelist"]}
    if wide != {("", "Namespace")}:
        yield f"cluster-wide kinds: {wide}"
    allowed = {(entry["group"], entry["kind"]) for entry in spec["namespaceResourceWhitelist"]}
    used = {group_kind(document) for document in m.built if document["kind"] not in CLUSTER_WIDE}
    if not used <= allowed:
        yield f"not allowed: {used - allowed}"
    if not allowed - SHOWN <= used:
        yield f"allowed and not used: {allowed - SHOWN - used}"


@policy
def the_project_knows_one_repository_and_one_destination(m):
    spec, source = m.one("AppProject")["spec"], m.one("Application")["spec"]["source"]
    destination = m.one("Application")["spec"]["destination"]
    if spec["sourceRepos"] != [source["repoURL"]]:
        yield f"repositories {spec['sourceRepos']}, and the Application's {source['repoURL']}"
    if spec["destinations"] != [destination] or destination["namespace"] != NAMESPACE:
        yield f"destinations {spec['destinations']}, and the Application's {destination}"
    if "*" in str(spec):
        yield "a * allows more than is said"


@policy
def the_application_syncs_and_heals_by_itself(m):
    spec = m.one("Application")["spec"]
    automated = spec["syncPolicy"].get("automated", {})
    if not (automated.get("prune") and automated.get("selfHeal")):
        yield f"automated: {automated}"
    if not spec["syncPolicy"].get("retry"):
        yield "a sync that fails is not tried again"
    if spec["project"] != m.one("AppProject")["metadata"]["name"]:
        yield f"project: {spec['project']}"
    if not (ROOT / spec["source"]["path"] / "kustomization.yaml").is_file():
        yield f"{spec['source']['path']}: no kustomization there"


@policy
def settings_outlive_their_rollout(m):
    """An old pod that restarts meanwhile needs its ConfigMap, which nothing in git names any more."""
    annotations = m.configuration["metadata"].get("annotations", {})
    if annotations.get("argocd.argoproj.io/sync-options") != "Prune=false":
        yield "the ConfigMap is pruned while old pods need it"
    if annotations.get("argocd.argoproj.io/compare-options") != "IgnoreExtraneous":
        yield "an old ConfigMap makes the Application OutOfSync"


@policy
def a_revert_does_not_wait(m):
    """PruneLast makes a sync last until the new pods are healthy, which broken ones never are."""
    policy = m.one("Application")["spec"]["syncPolicy"]
    if "PruneLast=true" in policy["syncOptions"]:
        yield "PruneLast=true"
    if policy.get("retry") and not policy["retry"].get("refresh"):
        yield "a retry takes the commit that failed"


@policy
def replicas_are_the_hpas(m):
    """The original's Application healed what its HPA had scaled."""
    deployment, spec = m.one("Deployment"), m.one("Application")["spec"]
    if "replicas" in deployment["spec"]:
        yield "the Deployment says replicas"
    ignored = [entry for entry in spec.get("ignoreDifferences", [])
               if (entry["group"], entry["kind"]) == ("apps", "Deployment")
               and entry.get("name", deployment["metadata"]["name"])
               == deployment["metadata"]["name"]
               and "/spec/replicas" in entry.get("jsonPointers", [])]
    if not ignored:
        yield "the Application does not ignore /spec/replicas"
    if "RespectIgnoreDifferences=true" not in spec["syncPolicy"].get("syncOptions", []):
        yield "a sync sets replicas: no RespectIgnoreDifferences=true"


# ---- labels and references ----------------------------------------------------------------


@policy
def selectors_select_the_pods(m):
    labels = m.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = {"Service": m.one("Service")["spec"]["selector"],
                 "Deployment": m.one("Deployment")["spec"]["selector"]["matchLabels"],
                 "PodDisruptionBudget": m.one("PodDisruptionBudget")["spec"]["selector"]
                 .get("matchLabels")}
    for p in m.all("NetworkPolicy"):
        selectors[p["metadata"]["name"]] = p["spec"]["podSelector"].get("matchLabels")
    for spread in m.pod.get("topologySpreadConstraints", []):
        selectors["topologySpreadConstraints"] = spread["labelSelector"].get("matchLabels")
    for what, selector in selectors.items():
        if not holds(selector, labels):
            yield f"{what}: {selector} selects no pod with {labels}"


@policy
def selectors_are_the_written_ones(m):
    """A Deployment's can never change: commonLabels of kustomize would."""
    for what, selector in (("Deployment", m.one("Deployment")["spec"]["selector"]["matchLabels"]),
                           ("Service", m.one("Service")["spec"]["selector"])):
        if selector != LABEL:
            yield f"{what}: {selector}"


@policy
def the_servicemonitor_finds_the_service(m):
    """The original's selected labels that its Service did not have."""
    monitor, service = m.one("ServiceMonitor")["spec"], m.one("Service")
    if not holds(monitor["selector"].get("matchLabels"), service["metadata"].get("labels", {})):
        yield f"{monitor['selector']} selects no Service with {service['metadata'].get('labels')}"
    ports = {port["name"] for port in service["spec"]["ports"]}
    for endpoint in monitor["endpoints"]:
        if endpoint.get("port") not in ports:
            yield f"port {endpoint.get('port')} is none of {ports}"


@policy
def metrics_are_scraped_where_they_are(m):
    """The original scraped /health."""
    endpoints = m.one("ServiceMonitor")["spec"]["endpoints"]
    if len(endpoints) != 1:
        yield f"{len(endpoints)} endpoints: each pod would be counted as often"
    for endpoint in endpoints:
        if endpoint.get("path") != "/metrics":
            yield f"path {endpoint.get('path')}"
        if endpoint.get("interval") != "15s":
            yield f"interval {endpoint.get('interval')}"
        if endpoint.get("honorLabels"):
            yield "honorLabels: a page could say whose it is"


def target_labels(monitor):
    """Those that prometheus-operator 0.85 gives the targets of a ServiceMonitor, and its
    relabelings leave."""
    labels = {"container", "endpoint", "instance", "job", "namespace", "pod", "service"}
    for rule in monitor["spec"]["endpoints"][0].get("relabelings", []):
        if rule["action"] == "labeldrop":
            labels = {label for label in labels if not re.fullmatch(rule["regex"], label)}
    return labels


@cache
def labels_of_metrics():
    listed = output(BUILD / "src/cli/rowan", "metrics", "--list")
    rows = [line.split("|") for line in listed.splitlines() if line.startswith("| `")]
    return {label for row in rows for label in re.findall(r"`(\w+)`", row[3])}


@policy
def metrics_keep_their_labels(m):
    """The original's rules named labels that Prometheus had renamed."""
    renamed = target_labels(m.one("ServiceMonitor")) & labels_of_metrics()
    if renamed:
        yield f"Prometheus would rename labels of the metrics: {sorted(renamed)}"


@policy
def ports_have_names_that_exist(m):
    ports = {port["name"] for container in m.pod["containers"]
             for port in container.get("ports", [])}
    service = m.one("Service")["spec"]["ports"]
    used = [("Service", service[0]["targetPort"])]
    used += [(f"{name}: {kind}", container[kind]["httpGet"]["port"])
             for name, container in m.containers.items()
             for kind in ("startupProbe", "readinessProbe", "livenessProbe")
             if "httpGet" in container.get(kind, {})]
    for p in m.all("NetworkPolicy"):
        used += [("NetworkPolicy", port["port"]) for rule in p["spec"].get("ingress", [])
                 for port in rule["ports"]]
    for what, port in used:
        if port not in ports:
            yield f"{what}: port {port} is none of {ports}"
    opened = {str(port["containerPort"]) for port in m.containers["api"]["ports"]}
    if opened != {m.settings.get("API_PORT")} or m.settings.get("API_HOST") != "0.0.0.0":
        yield f"api listens on {m.settings.get('API_HOST')}:{m.settings.get('API_PORT')}"
    if (service[0]["name"], service[0]["port"]) != ("http", 80):
        yield f"Service: {service}"


@policy
def the_configmap_is_known_by_its_content(m):
    name = m.configuration["metadata"]["name"]
    if not re.fullmatch(rf"{NAME}-config-[a-z0-9]{{10}}", name):
        yield f"{name}: no hash: a change would not roll out"
    for container in m.all_containers.values():
        used = [source.get("configMapRef", {}).get("name")
                for source in container.get("envFrom", [])]
        if used != [name]:
            yield f"{container['name']}: settings of {used}"


# What `kubectl apply` and Argo CD keep of an object stands in an annotation of this size at most.
ANNOTATION_MAX = 256 * 1024


@policy
def dashboards_are_found_and_fit(m):
    """By the label and the annotation that the sidecar of Grafana's charts looks for."""
    if len(m.dashboards) != 1:
        yield f"{len(m.dashboards)} ConfigMaps of dashboards"
    for document in m.dashboards:
        metadata = document["metadata"]
        if metadata["labels"].get("grafana_dashboard") != "1":
            yield f"label {metadata['labels']}"
        if metadata["name"] != f"{NAME}-dashboard":
            yield f"{metadata['name']}: a new name at each change leaves the old one behind"
        if not metadata.get("annotations", {}).get("grafana_folder"):
            yield "no folder"
        if [json.loads(text)["uid"] for text in document["data"].values()] != [DASHBOARD]:
            yield f"not the dashboard {DASHBOARD}"
        if len(json.dumps(document)) > ANNOTATION_MAX * 0.9:
            yield f"{len(json.dumps(document))} bytes: too much to be applied"


# ---- who may do what ------------------------------------------------------------------------


@policy
def pods_have_no_rights(m):
    context = m.pod.get("securityContext", {})
    if not context.get("runAsNonRoot") or context.get("runAsUser") != 65532:
        yield "may run as root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if m.pod.get(field):
            yield field
    for volume in m.pod["volumes"]:
        if not volume.keys() & {"emptyDir", "secret"}:
            yield f"volume {volume}"


@policy
def containers_have_no_rights(m):
    for name, container in m.all_containers.items():
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: may gain rights"
        if not context.get("readOnlyRootFilesystem"):
            yield f"{name}: may write to its root"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name}: capabilities {context.get('capabilities')}"
        if context.get("privileged"):
            yield f"{name}: privileged"
        for field in ("runAsUser", "runAsNonRoot", "seccompProfile"):
            if field in context:
                yield f"{name}: {field} overrides the pod's"


@policy
def the_namespace_refuses_more_rights(m):
    labels = m.one("Namespace")["metadata"]["labels"]
    if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "pod-security.kubernetes.io/enforce is not restricted"


@policy
def nobody_talks_to_kubernetes(m):
    if m.pod.get("automountServiceAccountToken") is not False or \
            m.one("ServiceAccount").get("automountServiceAccountToken") is not False:
        yield "pods get a token"
    if m.pod.get("serviceAccountName") != m.one("ServiceAccount")["metadata"]["name"]:
        yield "the pods' account is another"
    if m.pod.get("enableServiceLinks") is not False:
        yield "services of the namespace set variables, KAFKA_* among them"
    for document in m.built:
        if "Role" in document["kind"]:
            yield document["kind"]


SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET|CREDENTIAL|PRIVATE|API_KEY|ACCESS_KEY", re.I)
SECRET_VALUE = re.compile(r"-----BEGIN|://[^/@\s]+:[^/@\s]+@|\b[0-9a-f]{64}\b")


@policy
def no_secret_is_in_git(m):
    """The original's ConfigMap had passwords. A path of a file is none."""
    if m.all("Secret"):
        yield "a Secret would be applied from git"
    variables = list(m.settings.items())
    variables += [(variable["name"], variable["value"]) for container in m.all_containers.values()
                  for variable in container.get("env", []) if "value" in variable]
    for name, value in variables:
        if SECRET_NAME.search(name) and not value.startswith("/") and value not in ("0", "1"):
            yield f"{name} has a value"
        if SECRET_VALUE.search(value):
            yield f"{name}: looks like a secret"


# The only way in which the clients of MLflow and S3 take them, rowan-sync's as well.
OF_REGISTRIES = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN",
                 "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@policy
def secrets_are_files_and_optional(m):
    for volume in m.pod["volumes"]:
        secret = volume.get("secret")
        if secret and not (secret.get("optional") and secret["secretName"] == f"{NAME}-secret"
                           and secret.get("items") and secret.get("defaultMode") == 0o440):
            yield f"volume {volume['name']}: {secret}"
    for name, container in m.all_containers.items():
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and not (name in m.syncs and variable["name"] in OF_REGISTRIES
                                  and reference.get("optional")
                                  and reference["name"] == f"{NAME}-secret"):
                yield f"{name}: {variable['name']}: a secret in the environment"


@policy
def the_network_is_closed(m):
    policies = {p["metadata"]["name"]: p["spec"] for p in m.all("NetworkPolicy")}
    if set(policies.get(NAME, {}).get("policyTypes", [])) != {"Ingress", "Egress"}:
        yield "not both directions are closed"
    for name, spec in policies.items():
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(way, []):
                if not rule.get(peers) or not rule.get("ports"):
                    yield f"{name}: {way} of everybody, or to every port"
                for peer in rule.get(peers, []):
                    if not peer.get("namespaceSelector", peer.get("ipBlock")):
                        yield f"{name}: {way}: {peer}"


@policy
def the_ingress_lets_in_what_clients_need(m):
    ingress = m.one("Ingress")["spec"]
    if not ingress.get("ingressClassName"):
        yield "no ingressClassName"
    hosts = [rule.get("host") for rule in ingress["rules"]]
    if hosts != [HOST]:
        yield f"hosts {hosts}"
    if [host for entry in ingress.get("tls", []) for host in entry["hosts"]] != hosts:
        yield "no TLS for the host"
    for path in ingress["rules"][0]["http"]["paths"]:
        where, kind = path["path"], path["pathType"]
        inside = [p for p in ("/metrics", "/livez", "/readyz")
                  if p == where or kind != "Exact" and p.startswith(where.rstrip("/") + "/")]
        if inside:
            yield f"{kind} {where}: lets in {inside}"
        if path["backend"]["service"] != {"name": NAME, "port": {"name": "http"}}:
            yield f"{where}: {path['backend']}"
    size = m.one("Ingress")["metadata"]["annotations"][
        "nginx.ingress.kubernetes.io/proxy-body-size"]
    if size != m.settings["BODY_MAX"]:
        yield f"bodies of {size} at the ingress, of {m.settings['BODY_MAX']} behind it"


@policy
def only_the_ingress_says_who_a_client_is(m):
    """A network as wide as a cloud's would let other pods speak for clients."""
    for network in re.split(r"[ ,]+", m.settings.get("TRUSTED_PROXIES", "")):
        bits = network.rpartition("/")[2] if "/" in network else "32"
        if not network or int(bits) < 12:
            yield f"TRUSTED_PROXIES: {network!r}"


# ---- probes and rollouts ------------------------------------------------------------------------


def asks(container, probe):
    return container.get(probe, {}).get("httpGet", {}).get("path")


@policy
def readiness_is_not_liveness(m):
    """In the original a pod whose model was away was restarted, again and again."""
    api = m.containers["api"]
    wanted = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
    for probe, path in wanted.items():
        if asks(api, probe) != path:
            yield f"api: {probe} asks {asks(api, probe)}"


@policy
def kafka_decides_nothing_about_http(m):
    stream = m.containers.get("stream")
    if stream is None:
        return
    if "readinessProbe" in stream:
        yield "stream: its readiness takes the pod out of the Service"
    for probe in ("startupProbe", "livenessProbe"):
        command = stream.get(probe, {}).get("exec", {}).get("command")
        if command != ["/usr/bin/rowan-stream", "live"]:
            yield f"stream: {probe} runs {command}"


def shutdown_seconds():
    text = (ROOT / "conf/rowan.conf.in").read_text()
    return int(re.search(r"worker_shutdown_timeout\s+(\d+)s;", text)[1])


@policy
def rollouts_and_goodbyes_lose_no_request(m):
    spec = m.one("Deployment")["spec"]
    rolling = spec["strategy"].get("rollingUpdate", {})
    if spec["strategy"]["type"] != "RollingUpdate" or rolling.get("maxUnavailable") != 0 \
            or rolling.get("maxSurge") != 1:
        yield f"strategy {spec['strategy']}"
    sleep = m.containers["api"].get("lifecycle", {}).get("preStop", {}).get("sleep", {})
    seconds = sleep.get("seconds", 0)
    if seconds < 5:
        yield f"preStop sleeps {seconds} s"
    if m.pod.get("terminationGracePeriodSeconds", 0) < seconds + shutdown_seconds() + 5:
        yield "killed before the last request may be answered"
    for field in ("revisionHistoryLimit", "progressDeadlineSeconds"):
        if not spec.get(field):
            yield f"no {field}"


@policy
def pods_are_spread_and_drained_one_by_one(m):
    spread = m.pod.get("topologySpreadConstraints", [])
    if [(s["topologyKey"], s["whenUnsatisfiable"]) for s in spread] != \
            [("kubernetes.io/hostname", "ScheduleAnyway")]:
        yield f"topologySpreadConstraints: {spread}"
    if m.one("PodDisruptionBudget")["spec"].get("maxUnavailable") != 1:
        yield "PodDisruptionBudget: more than one pod may go at once, or none"


# ---- resources ----------------------------------------------------------------------------


@policy
def every_container_has_requests_and_limits(m):
    for name, container in m.all_containers.items():
        resources = container.get("resources", {})
        for unit in ("cpu", "memory"):
            request, limit = (resources.get(kind, {}).get(unit) for kind in ("requests", "limits"))
            if request is None or limit is None:
                yield f"{name}: {unit}: request {request}, limit {limit}"
            elif quantity(request) > quantity(limit):
                yield f"{name}: {unit}: request {request} above limit {limit}"


@policy
def either_container_can_move_the_hpa(m):
    """The HPA adds all containers of a pod up: a limit must leave one that has load room to pass
    80 % alone."""
    resources = {name: container["resources"] for name, container in m.containers.items()
                 if "requests" in container.get("resources", {})}
    total = sum(quantity(r["requests"]["cpu"]) for r in resources.values())
    for name, r in resources.items():
        if name not in m.syncs and quantity(r["limits"]["cpu"]) < 0.8 * total:
            yield f"{name}: limit {r['limits']['cpu']}, and 80 % of the pod's requests are {total}"


@policy
def the_hpa_is_the_plans(m):
    spec = m.one("HorizontalPodAutoscaler")["spec"]
    if (spec["minReplicas"], spec["maxReplicas"]) != (4, 6):
        yield f"{spec['minReplicas']} to {spec['maxReplicas']} replicas"
    targets = {metric["resource"]["name"]: metric["resource"]["target"]
               for metric in spec["metrics"]}
    if targets != {"cpu": {"type": "Utilization", "averageUtilization": 80},
                   "memory": {"type": "Utilization", "averageUtilization": 70}}:
        yield f"targets {targets}"
    scaled = spec["scaleTargetRef"]
    if (scaled["kind"], scaled["name"]) != ("Deployment", f"{NAME}-api"):
        yield f"scales {scaled}"


@policy_of_production
def the_hpa_takes_its_time(m):
    behavior = m.one("HorizontalPodAutoscaler")["spec"].get("behavior", {})
    for way, seconds in (("scaleUp", 60), ("scaleDown", 300)):
        found = behavior.get(way, {}).get("policies")
        if found != [{"type": "Pods", "value": 1, "periodSeconds": seconds}]:
            yield f"{way}: {found}"


def pending_max():
    """Bytes of bodies and replies that one worker holds; it has one a CPU."""
    text = (ROOT / "conf/rowan.conf.in").read_text()
    return int(re.search(r"rowan_pending_max\s+(\d+)m;", text)[1]) * 2**20


@policy_of_production  # the overlay for tests makes room for more pods
def files_are_in_memory_and_bounded(m):
    volumes = {volume["name"]: volume["emptyDir"] for volume in m.pod["volumes"]
               if "emptyDir" in volume}
    for name, empty in volumes.items():
        if empty.get("medium") != "Memory" or not empty.get("sizeLimit"):
            yield f"volume {name}: {empty}"
    # What a container may write to counts as its own memory.
    for name, container in m.all_containers.items():
        room = sum(quantity(volumes[mount["name"]].get("sizeLimit", 0))
                   for mount in container["volumeMounts"]
                   if mount["name"] in volumes and not mount.get("readOnly"))
        limits = container.get("resources", {}).get("limits", {})
        pending = math.ceil(quantity(limits.get("cpu", 0))) * pending_max() if name == "api" else 0
        # Only pages of counters are written by others than api, and few of them.
        if name != "api":
            room -= quantity(volumes.get("metrics", {}).get("sizeLimit", 0))
        if room + pending >= quantity(limits.get("memory", 0)):
            yield (f"{name}: files may take {room / 2**20:.0f} MiB, bodies {pending / 2**20:.0f}, "
                   f"and it has {limits.get('memory')}")


@policy
def containers_share_the_metrics(m):
    """One scrape of a pod shows every process of it."""
    for name, container in m.all_containers.items():
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        where = m.environment(name).get("METRICS_DIR")
        if mounts.get(where) != "metrics":
            yield f"{name}: METRICS_DIR {where} is not the volume that they share"
    mounts = {mount["mountPath"] for mount in m.containers["api"]["volumeMounts"]}
    if m.environment("api").get("RUNTIME_DIR") not in mounts:
        yield "api: RUNTIME_DIR is not writable"


@policy
def replicas_have_their_own_name(m):
    """Of two rowan-stream with one REPLICA_ID the broker puts one out."""
    for container in m.all_containers.values():
        sources = [variable.get("valueFrom") for variable in container.get("env", [])
                   if variable["name"] == "REPLICA_ID"]
        if sources != [{"fieldRef": {"fieldPath": "metadata.name"}}]:
            yield f"{container['name']}: REPLICA_ID {sources}"


@policy
def kafka_fetches_are_bounded(m):
    if "stream" in m.containers and \
            m.settings.get("KAFKA_FETCH_MESSAGE_MAX_BYTES") != "262144":
        yield "KAFKA_FETCH_MESSAGE_MAX_BYTES: a container with a limit needs it"


# ---- images and models ------------------------------------------------------------------------


@policy
def all_containers_have_one_pinned_image(m):
    images = {container["image"] for container in m.all_containers.values()}
    if len(images) != 1:
        yield f"images {images}"
    for image in images:
        tag = image.rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            yield f"{image}: no tag that says which"
    for container in m.all_containers.values():
        if container.get("imagePullPolicy") != "IfNotPresent":
            yield f"{container['name']}: imagePullPolicy {container.get('imagePullPolicy')}"


# ---- the model registry -------------------------------------------------------------------------

MODEL_OF_THE_IMAGE = "/models/fraud"


@policy
def the_first_model_is_there_before_the_service(m):
    """Where a registry is followed. One that is away keeps no pod from starting."""
    followers = {m.environment(name).get("MODEL_DIR"): name for name in m.syncs
                 if name in m.containers}
    if not m.syncs:
        return
    first = [m.environment(name) for name in m.syncs if name in m.init_containers]
    if [one.get("MODEL_DIR") for one in first] != [m.settings.get("MODEL_DIR")]:
        yield f"init containers make {[one.get('MODEL_DIR') for one in first]}"
    for name in m.init_containers:
        if m.init_containers[name]["command"] != ["/usr/bin/rowan-sync", "--once"]:
            yield f"{name}: {m.init_containers[name]['command']} may never end"
        if m.environment(name).get("SYNC_FALLBACK") != MODEL_OF_THE_IMAGE:
            yield f"{name}: needs the registry to start"
    if m.settings.get("MODEL_DIR") not in followers:
        yield f"nobody follows {m.settings.get('MODEL_DIR')}: {followers}"
    if len(followers) != len([name for name in m.syncs if name in m.containers]):
        yield "two of them swap one link"
    if not m.settings.get("MLFLOW_TRACKING_URI"):
        yield "no MLFLOW_TRACKING_URI"


@policy
def models_are_written_by_sync_alone(m):
    """Whoever serves a model of the registry sees its volume, and cannot change it."""
    if not m.syncs:
        return
    volumes = {volume["name"]: volume for volume in m.pod["volumes"]}
    if "emptyDir" not in volumes.get("models", {}):
        yield f"volume models: {volumes.get('models')}"
    for name, container in m.all_containers.items():
        mount = next((mount for mount in container["volumeMounts"] if mount["name"] == "models"),
                     {})
        if bool(mount.get("readOnly")) is (name in m.syncs):
            yield f"{name}: mounts models as {mount}"
        for setting in ("MODEL_DIR", "CHALLENGER_DIR"):
            where = m.environment(name).get(setting)
            if where and not where.startswith(f"{mount.get('mountPath')}/"):
                yield f"{name}: {setting} {where} is not in the volume"


@policy
def a_challenger_is_followed_and_harms_nobody(m):
    """By its own alias, into its own link; without one it is the champion."""
    where = m.settings.get("CHALLENGER_DIR")
    of = {m.environment(name).get("MODEL_DIR"): m.environment(name) for name in m.syncs
          if name in m.containers}
    aliases = sorted(one.get("MLFLOW_MODEL_ALIAS") for one in of.values())
    if aliases != (["challenger", "champion"] if where else ["champion"] if of else []):
        yield f"aliases {aliases}"
    if where and of.get(where, {}).get("MLFLOW_MODEL_ALIAS") != "challenger":
        yield f"nobody follows the challenger to {where}"
    if where and of.get(where, {}).get("SYNC_FALLBACK") != m.settings.get("MODEL_DIR"):
        yield "without the alias there is no challenger"
    if where and not (m.settings.get("CHALLENGER_SHADOW") == "1"
                      or m.settings.get("CHALLENGER_SHARE")):
        yield "a challenger that nobody asks"
    if where and float(m.settings.get("CHALLENGER_SHARE", 0)) > 50:
        yield "the challenger answers more than the champion"


@policy
def the_registry_decides_nothing_about_http(m):
    for name, container in m.syncs.items():
        for probe in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
            if probe in container:
                yield f"{name}: {probe}: a registry that is away would take the pod with it"


@policy
def only_real_models_are_served(m):
    """The original answered with a mock when its model was away."""
    for name, value in m.settings.items():
        if re.search("mock|fallback", f"{name}={value}", re.I):
            yield f"{name}={value}"
    for name in m.syncs:
        fallback = m.environment(name).get("SYNC_FALLBACK")
        if fallback not in (MODEL_OF_THE_IMAGE, m.settings.get("MODEL_DIR")):
            yield f"{name}: falls back to {fallback}"
    if m.settings.get("MODEL_OPTIONAL", "0") != "0":
        yield "MODEL_OPTIONAL: the image has a model; one that cannot be served is an error"


@policy_of_production
def production_says_so(m):
    if m.settings.get("ENVIRONMENT") != "production":
        yield f"ENVIRONMENT: {m.settings.get('ENVIRONMENT')}"


# ---- files -------------------------------------------------------------------------------------


def kustomizations():
    return sorted(ARGOCD.rglob("kustomization.yaml"))


def builds_of(check):
    return [name for name in BUILDS
            if name in PRODUCTION or check not in OF_PRODUCTION]


__all__ = ["POLICIES", "builds_of", "kustomizations", "manifests"]
