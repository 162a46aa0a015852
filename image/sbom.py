"""The bill of materials of the image: CycloneDX 1.5."""

import re

from third_party import ROOT, components


def project_version():
    return re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]


def bill_of_materials():
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "rowan",
                                   "version": project_version(), "bom-ref": "rowan",
                                   "licenses": [{"expression": "Apache-2.0"}]}},
        "components": [_component(component) for component in components()],
    }


def _component(component):
    described = {"type": "library", "name": component.name, "version": component.version,
                 "bom-ref": component.purl, "purl": component.purl,
                 "licenses": [{"expression": component.licence}]}
    if component.sha256:
        described["hashes"] = [{"alg": "SHA-256", "content": component.sha256}]
    return described
