"""A model of the hub: its files in the hub library's cache, and every way in which they cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.room import require_space
from jobs.engines.models.folder_files import WANTED
from jobs.engines.models.other_forms import EXPECTED, made_from
from jobs.engines.models.other_weights import require_some
from jobs.engines.models.template_places import ADDITIONAL


def download(
    model_id: str, revision: str, cache: Path | None, looked_at: Callable[[Path], None]
) -> tuple[Path, list[str]]:
    """A revision's files, downloaded or from the cache when offline; and the names of its additional templates.

    The revision is resolved once; weights are downloaded only after `looked_at` has let the small files pass. Raises
    Refusal for an id or revision that does not exist, EnvironmentProblem without a network and a cached copy.
    """
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"model.id={model_id}"
    download = partial(snapshot_download, model_id, cache_dir=cache, ignore_patterns=["*/*"])
    try:
        small = Path(download(revision=revision, allow_patterns=["*config.json"]))
        if small.is_dir():  # a repository without such files has no folder
            looked_at(small)
        else:
            raise Refusal(f"{where}: there is no config.json; {EXPECTED}{made_from(model_id)}")
        additional = _require_room_for(download, small.name, cache, where)
        return Path(download(revision=small.name, allow_patterns=list(WANTED))), additional
    except HFValidationError as error:
        raise Refusal(f"{where}: is no repository's name ({error}); expected owner/name") from None
    except GatedRepoError:
        raise Refusal(f"{where}: is gated; accept its terms on the hub and set HF_TOKEN in the environment") from None
    except RepositoryNotFoundError:
        raise Refusal(f"{where}: no such repository, or HF_TOKEN may not read it; check the spelling") from None
    except RevisionNotFoundError:
        raise Refusal(f"model.revision={revision}: {model_id} has no such branch, tag or commit") from None
    except (LocalEntryNotFoundError, httpx.TransportError, ConnectionError):
        raise EnvironmentProblem(
            f"{where}: the hub cannot be reached and no whole copy is cached; connect once, or use fetch=local"
        ) from None
    except HfHubHTTPError as error:
        raise EnvironmentProblem(f"{where}: the hub answered {error}; try again later") from None


def _require_room_for(download: partial[Any], commit: str, cache: Path | None, where: str) -> list[str]:
    """The names of the additional templates, where the hub can be asked.

    Raises Refusal where there are no weights to take, EnvironmentProblem where the cache has no room for them.
    """
    import httpx
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if constants.HF_HUB_OFFLINE:
        return []
    try:
        names = HfApi().list_repo_files(where.removeprefix("model.id="), revision=commit)
        planned = download(revision=commit, allow_patterns=list(WANTED), dry_run=True)
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.TransportError, ConnectionError):
        return []  # the download itself finds a whole copy, or says what is wrong
    require_some([name for name in names if "/" not in name], where)
    folder = cache or Path(constants.HF_HUB_CACHE)
    require_space(folder, sum(file.file_size for file in planned if file.will_download), "fetch.source.cache")
    return [Path(name).name for name in names if fnmatchcase(name, f"{ADDITIONAL}/*.jinja")]
