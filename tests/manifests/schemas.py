"""JSON Schemas for kubeconform: of Kubernetes' own OpenAPI document, and of the CRDs of Argo CD and
prometheus-operator, strict: a field that the schema does not know is an error."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import yaml

from tools import CACHE, VERSIONS, go_module

GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
FREE = "x-kubernetes-preserve-unknown-fields"
SCALARS = {"io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
           "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]}}
# Of a ConfigMap's binaryData and the like: text in YAML, and no schema knows the encoding.
FORMATS = ("byte", "int-or-string", "quantity")
# Of an object itself nobody lists these.
ENVELOPE = {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
            "metadata": {"$ref": "#/definitions/metadata"}}
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def strict(schema):
    """A copy in which an object with properties has no others."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    fresh = {key: strict(value) for key, value in schema.items()
             if not (key == "format" and value in FORMATS)}
    if isinstance(fresh.get("properties"), dict) and "additionalProperties" not in fresh \
            and not fresh.get(FREE):
        fresh["additionalProperties"] = False
    return fresh


def references(schema):
    return set(re.findall(r'"\$ref": "#/definitions/([^"]+)"', json.dumps(schema)))


def needed(names, definitions):
    """The definitions that `names` lead to."""
    found = {}
    while names:
        name = names.pop()
        if name not in found:
            found[name] = definitions[name]
            names |= references(definitions[name])
    return found


def file_name(group, version, kind):
    """As kubeconform's {{.ResourceKind}}{{.KindSuffix}} has it."""
    parts = [kind, group.split(".")[0], version] if group else [kind, version]
    return "-".join(parts).lower() + ".json"


def kubernetes_definitions():
    source = go_module("k8s.io/kubernetes", VERSIONS["KUBERNETES"])
    document = json.loads((source / "api/openapi-spec/swagger.json").read_text())
    return {name: SCALARS.get(name) or strict(schema)
            for name, schema in document["definitions"].items()}


def write_kubernetes(folder, definitions):
    for schema in definitions.values():
        for kind in schema.get(GROUP_VERSION_KIND, []) if isinstance(schema, dict) else []:
            whole = {**schema, "definitions": needed(references(schema), definitions)}
            path = folder / file_name(kind["group"], kind["version"], kind["kind"])
            path.write_text(json.dumps(whole))


def custom_resources():
    argocd = go_module("github.com/argoproj/argo-cd/v3", VERSIONS["ARGOCD"])
    operator = go_module("github.com/prometheus-operator/prometheus-operator",
                         VERSIONS["PROMETHEUS_OPERATOR"])
    yield from (argocd / "manifests/crds" / f"{name}-crd.yaml"
                for name in ("application", "appproject"))
    yield from (operator / "example/prometheus-operator-crd" / f"monitoring.coreos.com_{name}.yaml"
                for name in ("prometheusrules", "servicemonitors"))


def write_custom_resource(folder, path, definitions):
    spec = yaml.safe_load(path.read_text())["spec"]
    for version in spec["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"] = {**schema["properties"], **ENVELOPE}
        schema["definitions"] = {"metadata": definitions[META],
                                 **needed(references(definitions[META]), definitions)}
        name = file_name(spec["group"], version["name"], spec["names"]["kind"])
        (folder / name).write_text(json.dumps(schema))


def schemas():
    """The folder of the schemas; made once, into the user's cache."""
    digest = hashlib.sha256(Path(__file__).read_bytes() + repr(VERSIONS).encode()).hexdigest()[:12]
    folder = CACHE / f"kubernetes-schemas-{digest}"
    if not folder.exists():
        # Under a name of its own until it is whole: another run may make them at the same time.
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        definitions = kubernetes_definitions()
        write_kubernetes(fresh, definitions)
        for path in custom_resources():
            write_custom_resource(fresh, path, definitions)
        try:
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh)
    return folder
