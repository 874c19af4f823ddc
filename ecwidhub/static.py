"""Static files: hashed names where `collectstatic` has run, plain names before that."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedWhereCollected(CompressedManifestStaticFilesStorage):
    """Serve a fresh clone without a build step and a deployment with hashed, compressed files."""

    manifest_strict = False

    def stored_name(self, name: str) -> str:
        """Return the hashed name of `name`, or `name` itself where nothing has been collected."""
        return self.hashed_files.get(self.hash_key(self.clean_name(name).replace("\\", "/")), name)
