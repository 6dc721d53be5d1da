"""Files of a hub data set at one commit: `hf://datasets/<owner>/<name>@<commit>/<file or folder>`.

What was fetched once is read from the cache and needs no network. A token comes from the environment only.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.engines.rows import paths
from jobs.engines.rows.paths import Found, Place, printable

SCHEME = "hf://"
EXAMPLE = "hf://datasets/owner/name@<commit of 40 hex digits>/train.jsonl"
URL = re.compile(r"hf://datasets/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)(?:@(?P<revision>[^/]*))?(?:/(?P<inside>.*))?")
SHOWN = 5
"""Files that a message names."""
COMMIT = re.compile(r"[0-9a-f]{40}")


def found(url: str, key: str) -> Found:
    """The data files that `url` of the config value `key` stands for, fetched; those of a folder sorted.

    Raises Refusal for what is no pinned data set or not in it, EnvironmentProblem where the hub cannot be reached and
    not everything is in the cache.
    """
    where = f"{key}: {printable(url)}"
    match = URL.fullmatch(url)
    if match is None:
        raise Refusal(f"{where}: is no address of a data set; expected {EXAMPLE}")
    revision, inside = match["revision"], (match["inside"] or "").strip("/")
    if revision is None or not COMMIT.fullmatch(revision):
        raise Refusal(
            f"{where}: is not pinned: {revision or 'nothing'} may be other data tomorrow; expected @<commit>, 40 hex "
            "digits that the data set's page shows under Files, History"
        )
    if ".." in inside.split("/"):
        raise Refusal(f"{where}: leads out of the data set; expected {EXAMPLE}")
    owner_name = f"{match['owner']}/{match['name']}"
    names, left_aside = _chosen(_listed(owner_name, revision, where), inside, where)
    paths.require_some(names, left_aside, where)
    snapshot = _fetched(owner_name, revision, names, where)
    places = []
    for name in names:
        path = snapshot / name
        paths.require_regular(path, f"{where}: {printable(name)}")
        places.append(Place(path, (match["owner"], match["name"], *name.split("/")), path))
    return Found(places, left_aside)


def _chosen(listed: Sequence[str], inside: str, where: str) -> tuple[list[str], list[str]]:
    """Of the files of a data set those to read, and those of the folder that are no data by their name."""
    if inside in listed:
        return [inside], []
    folder = f"{inside}/" if inside else ""
    within = sorted((name for name in listed if name.startswith(folder)), key=lambda name: name.split("/"))
    if not within:
        raise Refusal(
            f"{where}: has no such file or folder, only {', '.join(map(printable, sorted(listed)[:SHOWN]))} ..."
        )
    seen = [name for name in within if not any(part.startswith(".") for part in name.removeprefix(folder).split("/"))]
    aside = [printable(name.removeprefix(folder)) for name in seen if not paths.is_data(name)]
    return [name for name in seen if paths.is_data(name)], aside


def _listed(owner_name: str, revision: str, where: str) -> list[str]:
    """Every file of the data set; from the cache where it was listed before, since a commit does not change."""
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError, HFValidationError

    try:
        listing = get_cached_repo_tree(owner_name, repo_type="dataset", revision=revision)
    except CachedRepoTreeNotFoundError:
        _fetched(owner_name, revision, [], where)
        listing = get_cached_repo_tree(owner_name, repo_type="dataset", revision=revision)
    except HFValidationError as error:
        raise Refusal(f"{where}: is no data set's name ({error}); expected {EXAMPLE}") from None
    return [file.path for file in listing]


def _fetched(owner_name: str, revision: str, names: Sequence[str], where: str) -> Path:
    """The folder of the cache with these files; what is there already is not asked for."""
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    patterns = [glob.escape(name) for name in names]
    try:
        return Path(snapshot_download(owner_name, repo_type="dataset", revision=revision, allow_patterns=patterns))
    except GatedRepoError:
        raise Refusal(f"{where}: is gated; accept its terms on the hub and set HF_TOKEN in the environment") from None
    except RepositoryNotFoundError:
        raise Refusal(f"{where}: no such data set, or HF_TOKEN may not read it; check the spelling") from None
    except RevisionNotFoundError:
        raise Refusal(f"{where}: the data set has no such commit; copy it from its page, Files, History") from None
    except (LocalEntryNotFoundError, httpx.TransportError, ConnectionError):
        raise EnvironmentProblem(
            f"{where}: the hub cannot be reached and not every file is cached; connect once, or name local files"
        ) from None
    except HfHubHTTPError as error:
        raise EnvironmentProblem(f"{where}: the hub answered {error}; try again later") from None
