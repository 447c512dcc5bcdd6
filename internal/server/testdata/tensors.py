"""Writes arrays with numpy.save, and reads them back with numpy.load, over HTTP.

python3 tensors.py URL   the URL of a session; prints how many arrays came back
"""

import io
import json
import sys
import urllib.request

import numpy as np

base = sys.argv[1] + "/tensors/"


def request(method, name, body=None, **headers):
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    req = urllib.request.Request(base + name, data=body, method=method, headers=headers)
    with urllib.request.urlopen(req, timeout=30) as response:
        return response.read(), response.headers


def arrays():
    rng = np.random.default_rng(7)
    for dtype in ["<f8", ">f8", "<f4", ">f4", "<i8", ">i8", "<i4", ">i4", "|u1", "|b1"]:
        for shape in [(), (0,), (5,), (2, 3), (3, 1, 4), (1, 2, 1, 2, 1, 2, 1, 2), (300, 700)]:
            a = (rng.standard_normal(shape) * 1000).astype(dtype) if dtype[1] in "fiu" else rng.integers(0, 2, shape).astype(dtype)
            yield np.asarray(a, order="C")
            yield np.asarray(a, order="F")


count = 0
for a in arrays():
    name = "a%d" % count
    for version in [(1, 0), (2, 0)]:
        f = io.BytesIO()
        np.lib.format.write_array(f, a, version=version, allow_pickle=False)
        request("PUT", name, f.getvalue(), Content_Type="application/x-npy")
        body, _ = request("GET", name, Accept="application/x-npy")
        b = np.load(io.BytesIO(body), allow_pickle=False)
        assert b.dtype == a.dtype.newbyteorder("<"), (a.dtype, b.dtype)
        assert a.shape == b.shape and np.array_equal(a, b), (a, b)
        assert a.ndim < 2 or min(a.shape) < 2 or a.flags.f_contiguous == b.flags.f_contiguous

    body, headers = request("GET", name)
    order = headers["X-Tensor-Order"]
    b = np.frombuffer(body, dtype=b.dtype).reshape(a.shape, order=order)
    assert np.array_equal(a, b), name

    names = {"f8": "f64", "f4": "f32", "i8": "i64", "i4": "i32", "u1": "u8", "b1": "bool"}
    little = a.astype(a.dtype.newbyteorder("<"))
    shape = ",".join(str(n) for n in a.shape)
    request("PUT", name + "o", little.tobytes(order="F"), Content_Type="application/octet-stream",
            X_Tensor_Dtype=names[a.dtype.str[1:]], X_Tensor_Shape=shape, X_Tensor_Order="F")
    body, _ = request("GET", name + "o", Accept="application/x-npy")
    assert np.array_equal(np.load(io.BytesIO(body)), a), name

    if a.size < 1000:
        body, _ = request("GET", name, Accept="application/json")
        parsed = json.loads(body)
        assert np.array_equal(np.array(parsed["data"], dtype=b.dtype).reshape(parsed["shape"]), a), name
    if a.ndim == 2:
        body, _ = request("GET", name + "?slice=1:,-1", Accept="application/x-npy")
        assert np.array_equal(np.load(io.BytesIO(body)), a[1:, -1]), name
    count += 1

print(count)
