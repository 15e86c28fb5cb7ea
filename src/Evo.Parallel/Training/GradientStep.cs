using System.Diagnostics;
using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What the forward and backward passes of one step gave.</summary>
/// <param name="Loss">Mean loss in nats over all labels of the step that count.</param>
/// <param name="Targets">The number of those labels.</param>
/// <param name="Seconds">Time of all passes together.</param>
/// <param name="BackwardSeconds">Time of the backward passes.</param>
/// <param name="RouterLoss">What routers added to the minimised loss, mean over the micro-batches; null without experts.</param>
public readonly record struct GradientResult(double Loss, long Targets, double Seconds, double BackwardSeconds, double? RouterLoss = null);

/// <summary>What the auxiliary losses of routers are multiplied by before they are added to the loss.</summary>
/// <param name="Balance"><c>loss.moe_loss_coeff</c>.</param>
/// <param name="Z"><c>loss.moe_z_loss_coeff</c>.</param>
public readonly record struct RouterCoefficients(double Balance, double Z = 0)
{
    /// <summary>Whether neither counts.</summary>
    public bool None => Balance == 0 && Z == 0;
}

/// <summary>
/// Forward and backward of one step. The loss is the mean over the labels of the whole step, so each micro-batch's sum is
/// divided by the number of labels of all of them before its backward pass: how a batch is cut into micro-batches changes
/// nothing but the order of summation. The auxiliary loss of routers is a product of means over one micro-batch, and the mean
/// of those over the micro-batches is added: it does depend on the cut.
/// </summary>
/// <param name="model">The model; its parameters are those of <paramref name="optimizer"/>.</param>
/// <param name="optimizer">Receives the gradient.</param>
/// <param name="labelSmoothing">Part of the target probability spread over the vocabulary.</param>
/// <param name="routers">Coefficients of the routers' losses.</param>
public sealed class GradientStep(CausalLMModule model, ShardedOptimizer optimizer, double labelSmoothing, RouterCoefficients routers = default)
{
    /// <summary>Replaces the optimizer's gradient by that of the mean loss over <paramref name="batch"/>, times its loss scale. Leaves no tensor behind.</summary>
    public GradientResult Run(IReadOnlyList<MicroBatch> batch)
    {
        var began = Stopwatch.GetTimestamp();
        var targets = batch.Sum(micro => micro.Targets);
        var lossSum = 0.0;
        var backward = 0.0;
        double? routerLoss = null;
        optimizer.ZeroGradient();
        for (var i = 0; i < batch.Count; i++)
        {
            var micro = batch[i];
            using var scope = NewDisposeScope();
            using var row = new DeviceRow(micro, optimizer.Device);
            var (sum, auxiliary) = routers.None ? (row.LossSum(model, labelSmoothing), null) : row.LossWithRouters(model, labelSmoothing);
            lossSum += sum.ToDouble();
            var minimised = sum / (double)Math.Max(1, targets);
            if (auxiliary is not null)
            {
                var added = (routers.Balance * auxiliary.Balance + routers.Z * auxiliary.Z) / (double)batch.Count;
                routerLoss = (routerLoss ?? 0) + added.ToDouble();
                minimised += added;
            }

            var turned = Stopwatch.GetTimestamp();
            optimizer.LastBackward = i == batch.Count - 1;
            (optimizer.LossScale == 1 ? minimised : minimised * optimizer.LossScale).backward();
            // Nothing is differentiated before the first block, which therefore tells nobody that it has ended.
            optimizer.AfterBackward(0);
            optimizer.Accumulate();
            backward += Stopwatch.GetElapsedTime(turned).TotalSeconds;
        }

        var reducing = Stopwatch.GetTimestamp();
        optimizer.Finish();
        backward += Stopwatch.GetElapsedTime(reducing).TotalSeconds;
        return new(lossSum / Math.Max(1, targets), targets, Stopwatch.GetElapsedTime(began).TotalSeconds, backward, routerLoss);
    }
}
