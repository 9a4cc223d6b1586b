"""What schemathesis must know beyond the document: how to make a zip file of the bytes that it thinks up."""

import io
import json
import zipfile

import schemathesis


@schemathesis.serializer("application/zip")
def zip_file(ctx, value):
    """Every other time the bytes as they are, which are no zip file; else a bundle whose page they are."""
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    if len(data) % 2:
        return data
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("module.json", json.dumps({"name": "Feedback", "version": f"2.{len(data)}"}))
        bundle.writestr("index.html", data)
    return archive.getvalue()
