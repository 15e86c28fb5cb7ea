using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// What one rank's micro-batches add to the loss of a step. The loss is the mean over the labels of the whole step, so each
/// micro-batch's sum is divided by the number of labels of all of them, on all ranks, before its backward pass: how a batch is
/// cut changes nothing but the order of summation. The auxiliary loss of routers is a product of means over one micro-batch
/// (of all data-parallel ranks together), and the mean of those over the micro-batches is added: it does depend on the cut.
/// </summary>
/// <param name="targets">Those labels, at least 1: a float64 scalar on the device, so that a pass that is replayed divides by its step's.</param>
/// <param name="microBatches">The micro-batches of a data-parallel rank.</param>
/// <param name="options">The loss.</param>
/// <param name="scale">What the loss is multiplied by for the backward pass, in the same form; null for none.</param>
internal sealed class LossShare(Tensor targets, int microBatches, LossOptions options, Tensor? scale)
{
    /// <summary>Cross entropy, right guesses and z-loss of this rank's labels, and the mean over the micro-batches of what routers added.</summary>
    public LossTally Tally { get; } = new(Math.Max(1, options.Types));

    /// <summary>What losses are divided by.</summary>
    public Tensor Targets => targets;

    /// <summary>What they are multiplied by for the backward pass; null for nothing.</summary>
    public Tensor? Scale => scale;

    /// <summary>Whether routers' statistics are wanted.</summary>
    public bool AsksRouters => !options.Routers.None;

    /// <summary>Part of the target probability spread over the vocabulary.</summary>
    public double LabelSmoothing => options.LabelSmoothing;

    /// <summary>The coefficient of the z-loss.</summary>
    public double ZLoss => options.ZLoss;

    /// <summary>What a whole model minimises for a micro-batch.</summary>
    public Tensor Of(CausalLMModule model, MicroTensors row, int type)
    {
        if (!AsksRouters)
        {
            return Of(model.Loss(row.Ids, row.Labels, row.At, LabelSmoothing, ZLoss), null, type);
        }

        var (sum, count, right, zSum, auxiliary) = model.LossWithRouters(row.Ids, row.Labels, row.At, LabelSmoothing, ZLoss);
        return Of((sum, count, right, zSum), auxiliary, type);
    }

    /// <summary>What is minimised for a micro-batch.</summary>
    public Tensor Of((Tensor lossSum, Tensor count, Tensor right, Tensor zSum) loss, AuxiliaryLosses? auxiliary, int type)
    {
        Add(type, loss.lossSum, loss.right, loss.zSum);
        var minimised = loss.lossSum / targets.to_type(loss.lossSum.dtype);
        if (auxiliary is not null)
        {
            var added = (options.Routers.Balance * auxiliary.Balance + options.Routers.Z * auxiliary.Z) / (double)microBatches;
            Tally.AddRouters(added);
            minimised += added;
        }

        return Scaled(minimised, scale);
    }

    /// <summary>What is minimised for a micro-batch of a model without routers, of numbers that may be others when it is replayed.</summary>
    public static Tensor Minimised(Tensor lossSum, Tensor targets, Tensor? scale) => Scaled(lossSum / targets.to_type(lossSum.dtype), scale);

    /// <summary>Adds what a micro-batch gave.</summary>
    public void Add(int type, Tensor sum, Tensor right, Tensor zSum) => Tally.Add(options.Types > 1 ? type : 0, sum, right, zSum);

    private static Tensor Scaled(Tensor minimised, Tensor? scale) => scale is null ? minimised : minimised * scale.to_type(minimised.dtype);
}
