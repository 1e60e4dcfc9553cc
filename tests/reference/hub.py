"""What huggingface_hub makes of a cache; SharedCache (Java) starts it against its own server, see README.md.

    hub.py snapshot      downloads what a model needs, as snapshot_download does
    hub.py files         the same file by file, as transformers does
    hub.py offline       finds all that without the network, with both
    hub.py scan          lists the cache
    hub.py delete        deletes the repository's revisions

Where the server and the cache are comes from HF_ENDPOINT and HF_HUB_CACHE. Prints lines that SharedCache compares.
"""

import hashlib
import sys
from pathlib import Path

from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
from huggingface_hub.utils import disable_progress_bars

REPOSITORY = "owner/Tiny-7B"
NEEDED = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


def show(snapshot):
    print(snapshot)
    for path in sorted(Path(snapshot).rglob("*")):
        if path.is_file():
            print(path.relative_to(snapshot), path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()[:16])


def main(command):
    disable_progress_bars()
    if command == "snapshot":
        show(snapshot_download(REPOSITORY, allow_patterns=NEEDED))
    elif command == "files":
        paths = [hf_hub_download(REPOSITORY, name) for name in NEEDED]
        show(Path(paths[0]).parent)
    elif command == "offline":
        snapshot = snapshot_download(REPOSITORY, local_files_only=True)
        for name in NEEDED:
            assert hf_hub_download(REPOSITORY, name, local_files_only=True) == f"{snapshot}/{name}", name
        show(snapshot)
    elif command == "scan":
        cache = scan_cache_dir()
        for repository in cache.repos:
            print(repository.repo_id, repository.nb_files, repository.size_on_disk, sorted(repository.refs))
        print("warnings:", len(cache.warnings))
    elif command == "delete":
        commits = [revision.commit_hash for repository in scan_cache_dir().repos for revision in repository.revisions]
        scan_cache_dir().delete_revisions(*commits).execute()
        print("deleted:", len(commits))
    else:
        sys.exit(__doc__)


main(sys.argv[1] if len(sys.argv) > 1 else "")
