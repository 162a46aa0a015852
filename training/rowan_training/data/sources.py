"""Reading transactions: CSV, Parquet, a folder of either, on this machine or in S3.

S3 is asked as the AWS tools are: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_DEFAULT_REGION, and for a
server of one's own AWS_ENDPOINT_URL or MLFLOW_S3_ENDPOINT_URL.
"""

import logging
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow
from pyarrow import csv, fs, parquet
from tqdm import tqdm

from rowan_training.data.columns import READ, DataError, canonical, in_order, upper_case
from rowan_training.data.counts import Counts
from rowan_training.errors import ServerAway

S3_SCHEME = "s3://"
CONNECT_SECONDS = 10
REQUEST_SECONDS = 60
# What S3 answers when a later try may succeed; anything else (a wrong key, no such bucket) stays wrong.
TEMPORARY = (
    "NETWORK_CONNECTION",
    "SLOW_DOWN",
    "SERVICE_UNAVAILABLE",
    "INTERNAL_FAILURE",
    "REQUEST_TIMEOUT",
    "THROTTLING",
)

log = logging.getLogger(__name__)

Reader = Callable[[fs.FileSystem, str], pyarrow.Table]


def read_transactions(source: str | Path, since: date | None = None, until: date | None = None) -> pd.DataFrame:
    """The transactions of the days from `since` to `until` (both included, UTC), in order of time.

    `source` is a file, a folder or s3://bucket/path. The columns are those of rowan_training.data.columns. Raises
    `DataError` for data that must be corrected, and `ServerAway` when S3 does not answer.
    """
    where = str(source)
    try:
        filesystem, path = _open(where)
        files = _files(filesystem, path, where)
        read = _reader(files, where)
        frames = list(_frames(filesystem, files, read))
    except OSError as error:
        raise _refused(where, error) from error
    frame = in_order(pd.concat(frames, ignore_index=True))
    return _within(frame, since, until, where)


def _open(where: str) -> tuple[fs.FileSystem, str]:
    if not where.startswith(S3_SCHEME):
        return fs.LocalFileSystem(), str(Path(where).absolute())
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("MLFLOW_S3_ENDPOINT_URL")
    scheme, _, address = (endpoint or "").rpartition("://")
    filesystem = fs.S3FileSystem(
        region=os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1",
        endpoint_override=address.rstrip("/") or None,
        scheme=scheme or "https",
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
    )
    return filesystem, where.removeprefix(S3_SCHEME).rstrip("/")


def _files(filesystem: fs.FileSystem, path: str, where: str) -> list[str]:
    info = filesystem.get_file_info(path)
    if info.type == fs.FileType.NotFound:
        raise DataError(f"{where} does not exist: name a CSV or Parquet file, or a folder of them")
    if info.type == fs.FileType.File:
        return [path]
    found = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    return sorted(entry.path for entry in found if entry.type == fs.FileType.File and not _is_hidden(entry.path, path))


def _is_hidden(path: str, folder: str) -> bool:
    """Marks that Spark and others leave beside data: _SUCCESS, .crc, and folders of unfinished writes."""
    return any(part.startswith((".", "_")) for part in path.removeprefix(folder).split("/"))


def _reader(files: list[str], where: str) -> Reader:
    readers: dict[Reader, str] = {}
    for file in files:
        readers.setdefault(_reader_of(file), file)
    if not readers:
        raise DataError(f"{where} holds no file: name a CSV or Parquet file, or a folder of them")
    if len(readers) > 1:
        examples = " and ".join(file.rpartition("/")[2] for file in readers.values())
        raise DataError(f"{where} mixes CSV and Parquet ({examples}), so rows may be there twice: keep one kind")
    return next(iter(readers))


def _reader_of(file: str) -> Reader:
    name = file.lower()
    if name.endswith((".parquet", ".pq")):
        return _read_parquet
    if name.endswith((".csv", ".csv.gz")):
        return _read_csv
    raise DataError(f"{file} is neither CSV (.csv, .csv.gz) nor Parquet (.parquet, .pq): convert or remove it")


def _frames(filesystem: fs.FileSystem, files: list[str], read: Reader) -> Iterator[pd.DataFrame]:
    for file in tqdm(files, desc="reading", unit="file", disable=None):
        try:
            table = read(filesystem, file)
        except pyarrow.ArrowInvalid as error:
            raise DataError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
        counts = Counts(f"reading {file.rpartition('/')[2]}").start(table.num_rows)
        frame = canonical(table.to_pandas(), file)
        counts.end(frame)
        yield frame


def _read_parquet(filesystem: fs.FileSystem, file: str) -> pyarrow.Table:
    with filesystem.open_input_file(file) as opened, parquet.ParquetFile(opened) as content:
        names = content.schema_arrow.names
        wanted = [name for name, upper in zip(names, upper_case(names, file)) if upper in READ]
        table = content.read(columns=wanted)
    return table.rename_columns(upper_case(table.column_names, file))


def _read_csv(filesystem: fs.FileSystem, file: str) -> pyarrow.Table:
    with filesystem.open_input_stream(file) as opened:  # decompresses .gz by itself
        table = csv.read_csv(opened, convert_options=csv.ConvertOptions(strings_can_be_null=True))
    table = table.rename_columns(upper_case(table.column_names, file))
    return table.select([name for name in dict.fromkeys(table.column_names) if name in READ])


def _within(frame: pd.DataFrame, since: date | None, until: date | None, where: str) -> pd.DataFrame:
    """Rows without a time stay: the schema refuses them by name, and no row is lost in silence."""
    times = frame["TX_DATETIME"]
    outside = pd.Series(False, index=frame.index)
    if since is not None:
        outside |= times < pd.Timestamp(since)
    if until is not None:
        outside |= times >= pd.Timestamp(until) + pd.Timedelta(days=1)
    kept = frame[~outside].reset_index(drop=True)
    if kept.empty:
        days = f" of the days from {since or 'the first'} to {until or 'the last'}" if len(frame) else ""
        raise DataError(f"{where} has no transaction{days}: name other data or other days")
    if len(kept) < len(frame):
        log.info("%d of %d transactions are of the days asked for", len(kept), len(frame))
    return kept


def _refused(where: str, error: OSError) -> Exception:
    text = str(error).splitlines()[0]
    if where.startswith(S3_SCHEME) and any(mark in text for mark in TEMPORARY):
        return ServerAway(
            f"{where}: S3 does not answer ({text}): check AWS_ENDPOINT_URL and the server, then try again"
        )
    return DataError(f"{where} cannot be read ({text}): check the name and the rights")
