"""The engines of `make bench-engine`: where each comes from and what it can do.

A peer is one entry of PEERS: a pinned requirements file, the library that engine_native
opens (or a Python program, where a peer has no C interface), and the form of model it reads.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import models
import numpy as np

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", ROOT / "build")).resolve()
NATIVE = BUILD / "bench" / "engine_native"
HANGS_AFTER_SECONDS = 3600

XGBOOST_FORM = {"M1": "{models}/M1.ubj", "M2": "{models}/M2.ubj", "M4": "{models}/M4.ubj"}
LIGHTGBM_FORM = {"M3": "{models}/M3.txt"}
BOTH_FORMS = XGBOOST_FORM | LIGHTGBM_FORM


class Failed(Exception):
    """A peer cannot be installed, converted for, or run; says why in one line."""


@dataclass(frozen=True)
class Peer:
    name: str
    requirements: str
    forms: dict[str, str]  # of the models that it scores
    library: str = "-"  # in site-packages; with wildcards
    engine: str = ""  # of engine_native
    program: str = ""  # in python_engines/, instead of an engine
    converter: str = ""  # in convert/
    explains: dict[str, str] = field(default_factory=dict)  # models whose contributions it gives
    same_bits: tuple[str, ...] = ()  # models on which Rowan must equal it
    note: str = ""


PEERS = (
    Peer("XGBoost", "requirements.txt", XGBOOST_FORM, engine="xgboost",
         library="xgboost/lib/libxgboost.so",
         explains={name: XGBOOST_FORM[name] for name in ("M1", "M2")},
         same_bits=("M1", "M2", "M4"), note="C API, XGBoosterPredictFromDense"),
    Peer("LightGBM", "requirements.txt", LIGHTGBM_FORM, engine="lightgbm",
         library="lightgbm/lib/lib_lightgbm.so", explains=LIGHTGBM_FORM, same_bits=("M3",),
         note="C API, its fast path for single rows"),
    Peer("ONNX Runtime", "requirements-onnxruntime.txt",
         {name: f"{{converted}}/{name}.onnx" for name in models.MODELS}, engine="onnxruntime",
         library="onnxruntime/capi/libonnxruntime.so.*", converter="to_onnx.py",
         note="C API; skl2onnx, onnxmltools"),
    Peer("oneDAL", "requirements-daal4py.txt", BOTH_FORMS, program="daal4py_engine.py",
         explains={name: BOTH_FORMS[name] for name in ("M1", "M2", "M3")},
         note="daal4py has a Python interface only: each call from Python is in its figures"),
    Peer("treelite GTIL", "requirements-treelite.txt",
         {name: f"{{models}}/{name}.json" for name in XGBOOST_FORM} | LIGHTGBM_FORM,
         engine="treelite", library="treelite/lib/libtreelite.so", note="C API"),
    Peer("tl2cgen", "requirements-treelite.txt",
         {name: f"{{converted}}/{name}.so" for name in models.MODELS}, engine="tl2cgen",
         converter="to_tl2cgen.py", note="the model as C, compiled with gcc -O3"),
    Peer("lleaves", "requirements-lleaves.txt", {"M3": "{converted}/M3.so"}, engine="lleaves",
         converter="to_lleaves.py", note="the model through LLVM"),
    Peer("fasttreeshap", "requirements-fasttreeshap.txt", {}, program="fasttreeshap_engine.py",
         explains={"M1": "{models}/M1.npz"} | LIGHTGBM_FORM,
         note="Python; v1 for one row, v2 for a batch"),
    Peer("shap", "requirements-shap.txt", {}, program="shap_engine.py",
         explains={"M1": "{models}/M1.npz", "M2": XGBOOST_FORM["M2"]} | LIGHTGBM_FORM,
         note="Python; for boosters it calls XGBoost's and LightGBM's own code"),
)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:2000] if lines else "no message"


def run(command: list, **options) -> str:
    """Standard output; the last line of standard error becomes the reason of a failure."""
    try:
        process = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                                 timeout=HANGS_AFTER_SECONDS, **options)
    except subprocess.TimeoutExpired:
        raise Failed(f"hangs: nothing after {HANGS_AFTER_SECONDS} s") from None
    except OSError as error:
        raise Failed(f"cannot be started: {error.strerror}") from None
    if process.returncode < 0:
        raise Failed(f"ended by signal {-process.returncode}")
    if process.returncode:
        raise Failed(last_line(process.stderr))
    return process.stdout


def parse(printed: str) -> dict:
    """The JSON object of the last line; libraries may print what they like before it."""
    try:
        return json.loads(last_line(printed))
    except json.JSONDecodeError:
        raise Failed(f"printed no figures but: {last_line(printed)}") from None


# ---- an engine: a peer, or Rowan, made ready ----------------------------------------------


@dataclass
class Engine:
    name: str
    note: str
    command: list
    rows: Path
    paths: dict[str, str]  # of the models that it scores
    explains: dict[str, str]
    same_bits: tuple[str, ...] = ()
    compile_seconds: dict[str, float] = field(default_factory=dict)
    is_python: bool = False

    def _call(self, path: str, model: str, *options) -> dict:
        is_double = ["--double"] if model == "M3" and not self.is_python else []
        printed = run([*self.command, path, self.rows, "--features", models.FEATURES,
                       *is_double, *options], env=os.environ | {"OMP_NUM_THREADS": "1"})
        return parse(printed)

    def times(self, model: str, seconds: float, first: int, at_least: int) -> dict:
        return self._call(self.paths[model], model, "--seconds", seconds, "--first", first,
                          "--at-least", at_least)

    def scores(self, model: str) -> np.ndarray:
        with tempfile.NamedTemporaryFile(suffix=".f64") as file:
            told = self._call(self.paths[model], model, "--scores", file.name)
            if told["one_row_differs_from_batch"]:
                raise Failed("one row at a time gives other scores than a batch")
            return np.fromfile(file.name)

    def contributions(self, model: str, seconds: float) -> tuple[dict, np.ndarray]:
        """Times, and the contributions of 1000 rows: [1000][features + 1]."""
        with tempfile.NamedTemporaryFile(suffix=".f64") as file:
            times = self._call(self.explains[model], model, "--seconds", seconds,
                               "--contributions", file.name)
            return times, np.fromfile(file.name).reshape(-1, models.FEATURES + 1)

    def threads(self, model: str, n_threads: int, seconds: float) -> dict:
        return self._call(self.paths[model], model, "--threads", n_threads, "--seconds", seconds)


def rowan(folder: Path) -> Engine:
    paths = {name: form.format(models=folder) for name, form in BOTH_FORMS.items()}
    return Engine("Rowan", "C API", [NATIVE, "rowan", BUILD / "librowan.so"],
                  folder / "rows.f32", paths,
                  {name: paths[name] for name in ("M1", "M2", "M3")})


# ---- making a peer ready --------------------------------------------------------------------


def environment(peer: Peer) -> Path:
    requirements = BENCH / peer.requirements
    return Path(run([ROOT / "scripts/venv.sh", requirements]).strip())


def convert(peer: Peer, venv: Path, folder: Path) -> tuple[Path, dict]:
    """Where the peer's form of the models is (in the cache), and how long each took."""
    converter = BENCH / "convert" / peer.converter
    made_by = models.digest(converter, BENCH / peer.requirements)
    out = folder / f"{converter.stem}-{made_by}"
    told = out / "told.json"
    if not told.exists():
        out.mkdir(exist_ok=True)
        printed = run([venv / "bin/python", converter, folder, out])
        told.write_text(json.dumps(parse(printed)))
    return out, json.loads(told.read_text())


def find_library(peer: Peer, venv: Path) -> str:
    if peer.library == "-":
        return "-"
    found = sorted(venv.glob(f"lib/python*/site-packages/{peer.library}"))
    if not found:
        raise Failed(f"its package has no {peer.library}")
    return str(found[-1])


def make_ready(peer: Peer, folder: Path) -> Engine:
    """Installs and converts what is not there yet; may take minutes the first time."""
    venv = environment(peer)
    converted, seconds = convert(peer, venv, folder) if peer.converter else (folder, {})
    if peer.program:
        command = [venv / "bin/python", BENCH / "python_engines" / peer.program]
    else:
        command = [NATIVE, peer.engine, find_library(peer, venv)]
    place = {"models": folder, "converted": converted}
    return Engine(peer.name, peer.note, command, folder / "rows.f32",
                  {name: form.format(**place) for name, form in peer.forms.items()},
                  {name: form.format(**place) for name, form in peer.explains.items()},
                  peer.same_bits, seconds, bool(peer.program))
