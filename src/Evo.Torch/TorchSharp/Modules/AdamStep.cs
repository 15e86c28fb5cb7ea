using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>
/// The arithmetic that Adam and AdamW share, operator by operator as in PyTorch's single-tensor implementation, so
/// that the same gradients give the same bits.
/// </summary>
internal static class AdamStep
{
    internal static void Take(Tensor parameter, Tensor gradient, Tensor mean, Tensor square, Tensor? largest, long step, double lr, double beta1, double beta2, double eps)
    {
        mean.mul_(beta1).add_(gradient, 1 - beta1);
        square.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
        var meanShare = 1 - Math.Pow(beta1, step);
        var squareShare = Math.Sqrt(1 - Math.Pow(beta2, step));
        if (largest is not null) largest.copy_(maximum(largest, square));
        var divisor = (largest ?? square).sqrt().div_(squareShare).add_(eps);
        parameter.addcdiv_(mean, divisor, -(lr / meanShare));
    }

    internal static void Require(double lr, double beta1, double beta2, double eps, double weightDecay)
    {
        if (!(lr >= 0)) throw new ArgumentException($"Invalid learning rate: {lr}");
        if (!(eps >= 0)) throw new ArgumentException($"Invalid ε: {eps}");
        if (!(beta1 >= 0 && beta1 < 1)) throw new ArgumentException($"Invalid beta1: {beta1}");
        if (!(beta2 >= 0 && beta2 < 1)) throw new ArgumentException($"Invalid beta2: {beta2}");
        if (!(weightDecay >= 0)) throw new ArgumentException($"Invalid weight_decay value: {weightDecay}");
    }
}
