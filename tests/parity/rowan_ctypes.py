"""librowan through ctypes: just what the parity tests call."""

import ctypes
import os
from pathlib import Path

import numpy as np

BUILD = Path(os.environ.get("ROWAN_BUILD_DIR", Path(__file__).parents[2] / "build"))
RESPONSE, MARGIN = 0, 1
ALL, BEST = 0, -1


class Error(ctypes.Structure):
    _fields_ = [
        ("status", ctypes.c_int),
        ("where", ctypes.c_char * 192),
        ("what", ctypes.c_char * 320),
        ("remedy", ctypes.c_char * 320),
    ]


class Info(ctypes.Structure):
    _fields_ = [
        ("format", ctypes.c_char_p),
        ("producer", ctypes.c_char_p),
        ("objective", ctypes.c_char_p),
        ("booster", ctypes.c_char_p),
        ("link", ctypes.c_int),
        ("n_features", ctypes.c_uint32),
        ("n_groups", ctypes.c_uint32),
        ("n_outputs", ctypes.c_uint32),
        ("n_trees", ctypes.c_uint32),
        ("n_trees_used", ctypes.c_uint32),
        ("n_nodes", ctypes.c_uint64),
        ("n_leaves", ctypes.c_uint64),
        ("max_depth", ctypes.c_uint32),
        ("best_iteration", ctypes.c_int32),
        ("image_bytes", ctypes.c_uint64),
        ("fingerprint", ctypes.c_uint64),
        ("kernel", ctypes.c_char_p),
        ("rows", ctypes.c_int),
        ("results", ctypes.c_int),
        ("has_contributions", ctypes.c_int),
    ]


class Options(ctypes.Structure):
    _fields_ = [("iterations", ctypes.c_int32)]


class RowanError(Exception):
    def __init__(self, error: Error):
        self.status = error.status
        self.text = f"{error.where.decode()}: {error.what.decode()} ({error.remedy.decode()})"
        super().__init__(self.text)


_lib = ctypes.CDLL(str(BUILD / "librowan.so"))
_lib.rowan_model_free.argtypes = [ctypes.c_void_p]
_lib.rowan_model_feature_name.restype = ctypes.c_char_p
_lib.rowan_model_feature_name.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
_lib.rowan_model_category_name.restype = ctypes.c_char_p
_lib.rowan_model_category_name.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32]
_lib.rowan_model_category_count.restype = ctypes.c_uint32
_lib.rowan_model_category_count.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
_lib.rowan_model_feature_kind.argtypes = [ctypes.c_void_p, ctypes.c_uint32]


class Model:
    def __init__(self, source: str | Path | bytes, iterations: int = ALL):
        self._handle = ctypes.c_void_p()
        error, options = Error(), Options(iterations)
        if isinstance(source, bytes):
            status = _lib.rowan_model_load_memory(
                source, ctypes.c_size_t(len(source)), b"memory", ctypes.byref(options),
                ctypes.byref(self._handle), ctypes.byref(error))
        else:
            status = _lib.rowan_model_load(
                str(source).encode(), ctypes.byref(options), ctypes.byref(self._handle),
                ctypes.byref(error))
        if status:
            raise RowanError(error)
        self.info = Info()
        _lib.rowan_model_describe(self._handle, ctypes.byref(self.info))

    @classmethod
    def map_image(cls, path: Path) -> "Model":
        model, error = cls.__new__(cls), Error()
        model._handle = ctypes.c_void_p()
        if _lib.rowan_model_map_image(str(path).encode(), ctypes.byref(model._handle),
                                      ctypes.byref(error)):
            raise RowanError(error)
        model.info = Info()
        _lib.rowan_model_describe(model._handle, ctypes.byref(model.info))
        return model

    def save_image(self, path: Path) -> None:
        error = Error()
        if _lib.rowan_model_save_image(self._handle, str(path).encode(), ctypes.byref(error)):
            raise RowanError(error)

    def __del__(self):
        if getattr(self, "_handle", None):
            _lib.rowan_model_free(self._handle)

    @property
    def feature_names(self) -> list[str]:
        return [_lib.rowan_model_feature_name(self._handle, i).decode()
                for i in range(self.info.n_features)]

    @property
    def feature_kinds(self) -> list[int]:
        return [_lib.rowan_model_feature_kind(self._handle, i)
                for i in range(self.info.n_features)]

    @property
    def feature_categories(self) -> list[list[str]]:
        return [[_lib.rowan_model_category_name(self._handle, i, code).decode()
                 for code in range(_lib.rowan_model_category_count(self._handle, i))]
                for i in range(self.info.n_features)]

    def predict64(self, rows: np.ndarray, output: int = RESPONSE) -> np.ndarray:
        """Rows as float32 or float64; results as they come, float64."""
        call = _lib.rowan_predict_f64 if rows.dtype == np.float64 else _lib.rowan_predict_f32
        rows = np.ascontiguousarray(rows)
        assert rows.dtype in (np.float32, np.float64) and rows.shape[1] == self.info.n_features
        width = self.info.n_groups if output == MARGIN else self.info.n_outputs
        out = np.empty((len(rows), width))
        error = Error()
        status = call(self._handle, rows.ctypes.data_as(ctypes.c_void_p),
                      ctypes.c_size_t(len(rows)), output,
                      out.ctypes.data_as(ctypes.c_void_p), ctypes.byref(error))
        if status:
            raise RowanError(error)
        return out

    def predict(self, rows: np.ndarray, output: int = RESPONSE) -> np.ndarray:
        """Results as float32, whose bits they are."""
        out = self.predict64(rows, output)
        narrow = out.astype(np.float32)
        assert np.array_equal(narrow.astype(np.float64), out, equal_nan=True)
        return narrow

    def contributions(self, rows: np.ndarray) -> np.ndarray:
        """[n_rows][n_groups][n_features + 1]"""
        f64 = rows.dtype == np.float64
        call = _lib.rowan_contributions_f64 if f64 else _lib.rowan_contributions_f32
        rows = np.ascontiguousarray(rows)
        assert rows.dtype in (np.float32, np.float64) and rows.shape[1] == self.info.n_features
        out = np.full((len(rows), self.info.n_groups, self.info.n_features + 1), np.nan)
        error = Error()
        status = call(self._handle, rows.ctypes.data_as(ctypes.c_void_p),
                      ctypes.c_size_t(len(rows)), out.ctypes.data_as(ctypes.c_void_p),
                      ctypes.byref(error))
        if status:
            raise RowanError(error)
        return out
