# TorchScript in the form that torch::jit::save writes, compiled by libtorch when a model is loaded, without
# Python. Kernels.java has shapes and formulas. B batch size, T queries, N keys, H query heads, G key/value
# heads, D head size. Data types are the numbers of c10/core/ScalarType.h: 5 float16, 6 float32, 15 bfloat16.
class Kernels(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def to(self: __torch__.Kernels, x: Tensor, dtype: Tensor) -> Tensor:
    return torch.to(x, int(dtype))
  # Reinterprets float16 as bfloat16 without a copy. TorchScript has no view with another dtype, but set_ does
  # not check the dtype of the storage.
  def as_bfloat16(self: __torch__.Kernels, bits: Tensor) -> Tensor:
    return torch.set_(torch.empty([0], dtype=15, device=bits.device), bits, 0, torch.size(bits), torch.stride(bits))
  def as_float16(self: __torch__.Kernels, x: Tensor) -> Tensor:
    bits = torch.contiguous(x)
    return torch.set_(torch.empty([0], dtype=5, device=bits.device), bits, 0, torch.size(bits), torch.stride(bits))
  def embedding(self: __torch__.Kernels, ids: Tensor, weight: Tensor) -> Tensor:
    return torch.embedding(weight, ids)
  def linear(self: __torch__.Kernels, x: Tensor, weight: Tensor) -> Tensor:
    # on a CPU, float16 is limited by memory bandwidth for few rows, but takes 3 times as long as float32 for
    # many rows, where converting the weight is a small part of the work
    if x.dtype == 5 and torch.floordiv(torch.numel(x), torch.size(x, -1)) > 8 and not x.is_cuda:
      return torch.to(torch.linear(torch.to(x, 6), torch.to(weight, 6)), 5)
    else:
      return torch.linear(x, weight)
  def linear_float32(self: __torch__.Kernels, x: Tensor, weight: Tensor) -> Tensor:
    return torch.linear(torch.to(x, 6), weight)
  def embedding_as(self: __torch__.Kernels, ids: Tensor, weight: Tensor, dtype: Tensor) -> Tensor:
    return torch.to(torch.embedding(weight, ids), int(dtype))
  # rounds the sum, as peft does with float32 adapters of a bfloat16 model
  def lora(self: __torch__.Kernels, y: Tensor, x: Tensor, a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
    product = torch.linear(torch.linear(torch.to(x, 6), a), b)
    return torch.to(torch.add(torch.to(y, 6), torch.mul(product, scale)), y.dtype)
  # casts before the multiplication by the weight, as transformers does; on a GPU one kernel instead of six, which
  # rounds only the result, is worth more
  def rms_norm(self: __torch__.Kernels, x: Tensor, weight: Tensor, eps: Tensor) -> Tensor:
    if x.is_cuda and weight.dtype == x.dtype:
      return torch.rms_norm(x, [torch.size(x, -1)], weight, float(eps))
    h = torch.to(x, 6)
    h = torch.mul(h, torch.rsqrt(torch.add(torch.mean(torch.mul(h, h), [-1], True), eps)))
    return torch.mul(weight, torch.to(h, x.dtype))
  def swiglu(self: __torch__.Kernels, gate: Tensor, up: Tensor) -> Tensor:
    return torch.mul(torch.silu(gate), up)
  def angles(self: __torch__.Kernels, positions: Tensor, inverse_frequencies: Tensor, dtype: Tensor) -> Tuple[Tensor, Tensor]:
    a = torch.mul(torch.unsqueeze(torch.to(positions, 6), -1), inverse_frequencies)
    a = torch.unsqueeze(torch.cat([a, a], -1), 1)
    return (torch.to(torch.cos(a), int(dtype)), torch.to(torch.sin(a), int(dtype)))
  def rotate(self: __torch__.Kernels, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = torch.floordiv(torch.size(x, -1), 2)
    first = torch.slice(x, -1, 0, half)
    second = torch.slice(x, -1, half)
    return torch.add(torch.mul(x, cos), torch.mul(torch.cat([torch.neg(second), first], -1), sin))
  # (B, T, n*D) to (B, n, T, D), a view
  def heads(self: __torch__.Kernels, x: Tensor, size: int) -> Tensor:
    return torch.transpose(torch.reshape(x, [torch.size(x, 0), torch.size(x, 1), -1, size]), 1, 2)
  def rotary(self: __torch__.Kernels, q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    size = torch.size(cos, -1)
    if q.is_cuda:
      # together, since the time of single tokens is that of starting kernels
      both = (self).rotate((self).heads(torch.cat([q, k], -1), size), cos, sin)
      h = torch.floordiv(torch.size(q, -1), size)
      return (torch.slice(both, 1, 0, h), torch.slice(both, 1, h), (self).heads(v, size))
    return ((self).rotate((self).heads(q, size), cos, sin), (self).rotate((self).heads(k, size), cos, sin), (self).heads(v, size))
  # keys, values: the cache, (B, G, C, D); the last tokens are written to the slots
  def rotary_update(self: __torch__.Kernels, q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, keys: Tensor, values: Tensor, slots: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    rotated, key, value = (self).rotary(q, k, v, cos, sin)
    first = torch.sub(torch.size(key, 2), torch.size(slots, 0))
    torch.index_copy_(keys, 2, slots, torch.slice(key, 2, first))
    torch.index_copy_(values, 2, slots, torch.slice(value, 2, first))
    return (rotated, key, value)
  # T = 1: the query heads of a group become the queries of one head. Two matrix products and a softmax take
  # 1.06 ms instead of 1.28 ms for 4096 keys in bfloat16, but more time in all other cases measured (64 to 4096
  # keys, three dtypes). On a GPU each query head is one by itself, as there are more blocks of threads: 14 instead
  # of 51 us for 4096 keys, 32 query and 8 key heads on an H200 (bfloat16, cuDNN's kernel).
  def attention_of_one(self: __torch__.Kernels, q: Tensor, k: Tensor, v: Tensor, bias: Optional[Tensor]) -> Tensor:
    b = torch.size(q, 0)
    kv = torch.size(k, 1)
    if q.is_cuda:
      g = torch.floordiv(torch.size(q, 1), kv)
      rows = bias
      if bias is not None:
        rows = torch.reshape(torch.expand(bias, [-1, kv, -1, -1]), [b * kv, 1, 1, -1])
      qx = torch.reshape(q, [b * kv, g, 1, -1])
      return torch.reshape(torch.scaled_dot_product_attention(qx, (self).repeated(k, g), (self).repeated(v, g), rows), [b, 1, -1])
    folded = torch.reshape(q, [b, kv, -1, torch.size(q, 3)])
    return torch.reshape(torch.scaled_dot_product_attention(folded, k, v, bias), [b, 1, -1])
  # (B, G, N, D) to (B·G, g, N, D): key/value heads are repeated g times by a stride of 0, which is as fast as
  # copies, without their memory
  def repeated(self: __torch__.Kernels, x: Tensor, g: int) -> Tensor:
    return torch.expand(torch.reshape(x, [-1, 1, torch.size(x, 2), torch.size(x, 3)]), [-1, g, -1, -1])
  # Query i of T attends to key j of N if i + N - T - w < j <= i + N - T. If that is not the causal mask of the
  # flash kernel, queries are computed in blocks of 256 over the keys of their band, with a mask of 256 rows.
  # Example, N = T = 600, w = 100: queries 256 to 511 use keys 157 to 511.
  def attention(self: __torch__.Kernels, q: Tensor, k: Tensor, v: Tensor, window: Tensor) -> Tensor:
    b = torch.size(q, 0)
    h = torch.size(q, 1)
    t = torch.size(q, 2)
    d = torch.size(q, 3)
    kv = torch.size(k, 1)
    n = torch.size(k, 2)
    g = torch.floordiv(h, kv)
    w = int(window)
    if w == 0:
      w = n
    if t == 1:
      lo = max(0, n - w)
      return (self).attention_of_one(q, torch.slice(k, 2, lo), torch.slice(v, 2, lo), annotate(Optional[Tensor], None))
    qx = torch.reshape(q, [b * kv, g, t, d])
    kx = (self).repeated(k, g)
    vx = (self).repeated(v, g)
    if n == t and t <= w:
      out = torch.scaled_dot_product_attention(qx, kx, vx, None, 0., True)
    else:
      past = n - t
      parts = annotate(List[Tensor], [])
      start = 0
      while start < t:
        stop = min(start + 256, t)
        lo = max(0, start + past - w + 1)
        hi = stop + past
        i = torch.unsqueeze(torch.arange(start + past, hi, device=q.device), 1)
        j = torch.arange(lo, hi, device=q.device)
        hidden = torch.__or__(torch.gt(j, i), torch.le(j, torch.sub(i, w)))
        bias = torch.masked_fill(torch.zeros([stop - start, hi - lo], dtype=q.dtype, device=q.device), hidden, -inf)
        parts = torch.append(parts, torch.scaled_dot_product_attention(torch.slice(qx, 2, start, stop), torch.slice(kx, 2, lo, hi), torch.slice(vx, 2, lo, hi), bias))
        start = stop
      out = torch.cat(parts, 2)
    return torch.reshape(torch.transpose(torch.reshape(out, [b, h, t, d]), 1, 2), [b, t, h * d])
  # mask: float32 (B, 1, T, N); clamped, since float16 cannot represent -1e30
  def bias(self: __torch__.Kernels, mask: Tensor, q: Tensor) -> Tensor:
    return torch.to(torch.clamp(mask, -30000.), q.dtype)
  def attention_masked(self: __torch__.Kernels, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    b = torch.size(q, 0)
    h = torch.size(q, 1)
    t = torch.size(q, 2)
    kv = torch.size(k, 1)
    g = torch.floordiv(h, kv)
    bias = (self).bias(mask, q)
    if t == 1:
      return (self).attention_of_one(q, k, v, bias)
    qx = torch.reshape(q, [b * kv, g, t, -1])
    # the rows of the batch are repeated for their key/value heads
    rows = torch.reshape(torch.expand(bias, [-1, kv, -1, -1]), [b * kv, 1, t, -1])
    out = torch.scaled_dot_product_attention(qx, (self).repeated(k, g), (self).repeated(v, g), rows)
    return torch.reshape(torch.transpose(torch.reshape(out, [b, h, t, -1]), 1, 2), [b, t, -1])
  # the query heads of a group are the queries of one head
  def attention_weights(self: __torch__.Kernels, q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
    folded = torch.reshape(q, [torch.size(q, 0), torch.size(k, 1), -1, torch.size(q, 3)])
    scores = torch.reshape(torch.matmul(folded, torch.transpose(k, 2, 3)), torch.add(torch.slice(torch.size(q), 0, 3), [-1]))
    scores = torch.add(torch.div(scores, torch.sqrt(torch.size(q, -1))), (self).bias(mask, q))
    return torch.to(torch.softmax(scores, -1, 6), q.dtype)
