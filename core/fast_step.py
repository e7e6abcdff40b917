"""One training step of the tutorials' network with its gradient written out.

On one core a step through autograd takes 1.6 times its matrix products' time, this one 1.3: without
autograd's bookkeeping, new memory for every gradient, a softplus and the optimizer's checks.
`FastStep` computes what core.objective and autograd compute, to float rounding (the tests compare
the two), and applies where `applies` says so; everything else goes through core.objective.

With h = relu(W1 x + b1), mu = W2 h + b2, log_var = W3 h + b3, s = exp(log_var / 2),
z = mu + s e, k = relu(W4 z + b4), l = W5 k + b5 and p = sigmoid(l), the loss of an image is

    sum softplus(l) - l x  +  beta sum (mu^2 + s^2 - 1 - log_var) / 2

and the chain rule, from the last layer to the first, with g. for the loss's derivative by .

    g.l = p - x                                  g.W5 = g.l k',  g.b5 = g.l
    g.k = W5' g.l where k > 0, else 0            g.W4 = g.k z',  g.b4 = g.k
    g.z = W4' g.k
    g.mu = g.z + beta mu                         g.W2 = g.mu h', g.b2 = g.mu
    g.log_var = (g.z s e + beta (s^2 - 1)) / 2   g.W3 = g.log_var h', g.b3 = g.log_var
    g.h = W2' g.mu + W3' g.log_var where h > 0   g.W1 = g.h x',  g.b1 = g.h

A step descends the mean over the batch. What lies in memory as rows is (B, ...).
"""

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from core.config import TrainConfig
from core.model import VAE

CHUNK = 100  # factors of at least 1/2 whose product is still a normal float: 2^-126 is the limit


def applies(config: TrainConfig, model: VAE, device: torch.device, processes: int) -> bool:
    """Whether this network and this loss are the ones written out here. On one device, since
    several processes average their gradients through autograd's hooks; on a CPU, since nobody
    has measured it elsewhere."""
    return (
        type(model) is VAE  # the others override its layers
        and model.likelihood == "bernoulli"
        and config.importance_samples == 1
        and config.free_bits == 0
        and config.precision == "no"
        and device.type == "cpu"
        and processes == 1
    )


class FastStep:
    """`step(x, epsilon, beta)` moves the weights of `model` once by its `optimizer`."""

    def __init__(self, model: VAE, optimizer: torch.optim.Adam) -> None:
        self.model, self.optimizer = model, optimizer
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        # mu and log_var are one layer of 2 D units here: one product in place of two.
        weight, bias = _code_layer(model)
        self.code_grads = torch.zeros_like(weight), torch.zeros_like(bias)
        for i, layer in enumerate((model.fc2, model.fc3)):
            layer.weight.grad = self.code_grads[0].chunk(2)[i]
            layer.bias.grad = self.code_grads[1].chunk(2)[i]

    @torch.no_grad()
    def __call__(self, x: Tensor, epsilon: Tensor, beta: float = 1.0) -> Tensor:
        """x (B, C, H, W) and epsilon (B, D) from N(0, I); returns what Loss.totals does."""
        totals = self.gradients(x.flatten(1), epsilon, beta)
        self._descend()
        return totals

    @torch.no_grad()
    def gradients(self, x: Tensor, epsilon: Tensor, beta: float = 1.0) -> Tensor:
        """Leave the gradient of the batch's mean loss in the parameters; x (B, C * H * W)."""
        model, share = self.model, 1 / len(x)
        h = torch.addmm(model.fc1.bias, x, model.fc1.weight.t()).relu_()  # (B, h_dim)
        weight, bias = _code_layer(model)
        mu, log_var = torch.addmm(bias, h, weight.t()).chunk(2, 1)  # (B, D) each
        sigma = torch.exp(0.5 * log_var)
        offset = sigma * epsilon
        z = mu + offset
        excess = sigma.square().sub_(1)
        kl = (mu.square() + excess).sub_(log_var).mul_(0.5)
        k = torch.addmm(model.fc4.bias, z, model.fc4.weight.t()).relu_()  # (B, h_dim)
        logits = torch.addmm(model.fc5.bias, k, model.fc5.weight.t())  # (B, C * H * W)
        p = torch.sigmoid(logits)
        totals = torch.cat([_reconstruction(logits, p, x).view(1), kl.sum(0)])

        g = p.sub_(x).mul_(share)  # by logits
        _into(model.fc5, g, k)
        g = torch.mm(g, model.fc5.weight).mul_(k.sign_())  # by k: relu's slope is k's sign
        _into(model.fc4, g, z)
        g = torch.mm(g, model.fc4.weight)  # by z
        by_log_var = offset.mul_(g).add_(excess, alpha=beta * share).mul_(0.5)
        g = torch.cat([g.add_(mu, alpha=beta * share), by_log_var], 1)  # by mu and log_var
        torch.mm(g.t(), h, out=self.code_grads[0])
        torch.sum(g, 0, out=self.code_grads[1])
        _into(model.fc1, torch.mm(g, weight).mul_(h.sign_()), x)
        return totals

    def _descend(self) -> None:
        """What optimizer.step() does, without its hooks and checks, a twentieth of a step. It
        makes its state at the first step, which is therefore its own."""
        if not self.optimizer.state:
            self.optimizer.step()
            return
        group = self.optimizer.param_groups[0]
        parameters = group["params"]
        states = [self.optimizer.state[parameter] for parameter in parameters]
        adam(
            parameters,
            [parameter.grad for parameter in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )


def _code_layer(model: VAE) -> tuple[Tensor, Tensor]:
    """fc2 above fc3: weight (2 D, h_dim) and bias (2 D,)."""
    weight = torch.cat([model.fc2.weight, model.fc3.weight])
    return weight, torch.cat([model.fc2.bias, model.fc3.bias])


def _into(layer: nn.Linear, g: Tensor, x: Tensor) -> None:
    """A layer's gradients, of its outputs' g (B, out) and its inputs x (B, in), into its own."""
    torch.mm(g.t(), x, out=layer.weight.grad)
    torch.sum(g, 0, out=layer.bias.grad)


def _reconstruction(logits: Tensor, p: Tensor, x: Tensor) -> Tensor:
    """Sum of softplus(l) - l x over the batch, (), from p = sigmoid(l); overwrites logits.

    softplus(l) = max(l, 0) - log max(p, 1 - p). A logarithm costs as much as four passes over
    the pixels, so CHUNK factors are multiplied, all of them within [1/2, 1], and then it is taken.
    """
    agreed = torch.dot(logits.view(-1), x.reshape(-1))
    larger = 1 - p
    torch.maximum(p, larger, out=larger)
    products = torch.stack([rows.prod(0) for rows in larger.split(CHUNK)])
    return logits.relu_().sum() - agreed - products.log_().sum()
