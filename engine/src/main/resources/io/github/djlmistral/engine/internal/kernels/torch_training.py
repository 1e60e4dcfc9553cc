  # Methods of training, appended to the class in torch_kernels.py. N rows, V columns of logits. They are called
  # where autograd does not record, and all compute in float32.
  def log_probabilities(self: __torch__.Kernels, logits: Tensor, labels: Tensor) -> Tensor:
    p = torch.log_softmax(logits, -1, 6)
    return torch.squeeze(torch.gather(p, 1, torch.unsqueeze(labels, 1)), 1)
  def log_probabilities_and_means(self: __torch__.Kernels, logits: Tensor, labels: Tensor) -> Tuple[Tensor, Tensor]:
    p = torch.log_softmax(logits, -1, 6)
    return (torch.squeeze(torch.gather(p, 1, torch.unsqueeze(labels, 1)), 1), torch.mean(p, [-1]))
  # g (onehot(label) - p), in the memory of the softmax p
  def logit_gradients(self: __torch__.Kernels, logits: Tensor, labels: Tensor, gradients: Tensor) -> Tensor:
    g = torch.unsqueeze(gradients, 1)
    d = torch.mul_(torch.softmax(logits, -1, 6), torch.neg(g))
    d = torch.scatter_add_(d, 1, torch.unsqueeze(labels, 1), g)
    return torch.to(d, logits.dtype)
  # g (onehot(label) - p) + m (1/V - p)
  def smoothed_logit_gradients(self: __torch__.Kernels, logits: Tensor, labels: Tensor, gradients: Tensor, means: Tensor) -> Tensor:
    g = torch.unsqueeze(gradients, 1)
    m = torch.unsqueeze(means, 1)
    d = torch.mul_(torch.softmax(logits, -1, 6), torch.neg(torch.add(g, m)))
    d = torch.add_(d, torch.div(m, torch.size(logits, 1)))
    d = torch.scatter_add_(d, 1, torch.unsqueeze(labels, 1), g)
    return torch.to(d, logits.dtype)
