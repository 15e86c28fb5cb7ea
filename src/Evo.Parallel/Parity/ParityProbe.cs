using Evo.Core;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>How compared steps are run, and what is changed in them on purpose.</summary>
public sealed record ParityProbe
{
    /// <summary>Decorates each group of each rank.</summary>
    public Func<ProcessGroup, ProcessGroup>? Around { get; init; }

    /// <summary>Where the ranks' tensors are; all of them on one device.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>Elements of a bucket: small, so that there are several.</summary>
    public long BucketElements { get; init; } = 2000;

    /// <summary>Whether tables of embeddings are cut along the hidden size.</summary>
    public bool EmbedSplitHidden { get; init; } = true;

    /// <summary>Whether communication overlaps computation.</summary>
    public bool Overlap { get; init; } = true;

    /// <summary>When weights are gathered (isp); <see cref="Overlap"/> is above it. Null leaves it to the emitted forward.</summary>
    public WeightGathering? Weights { get; init; } = new();

    /// <summary>The norm that gradients are clipped to; below that of every model, so that it matters.</summary>
    public double ClipNorm { get; init; } = 0.05;

    /// <summary>Blocks gathered ahead, of parameters that are fully sharded.</summary>
    public int GatherAhead { get; init; } = 1;

    /// <summary>The loss; all of its terms, unless others are asked for.</summary>
    public LossOptions Loss { get; init; } = new(0.1, new(0.01, 0.001), ZLoss: 0.01);

    /// <summary>Whether dropout drops and gates choose at random, where the model has them.</summary>
    public bool Dropout { get; init; } = true;

    /// <summary>Another schedule than the layout's.</summary>
    public Schedule? Schedule { get; init; }

    /// <summary>The longest wait of a rank.</summary>
    public TimeSpan? TimeLimit { get; init; }
}

/// <summary>The weights that compared models start from.</summary>
internal static class ParityStart
{
    /// <summary>The seed of the weights.</summary>
    public const ulong Seed = 20;

    /// <summary>What the random choices of the steps are keyed by.</summary>
    public static RandomKey Random { get; } = RandomKey.Of(Seed, "random choices");

    /// <summary>Gains of one and biases of zero hide mistakes: every constant start is moved a little, alike on all ranks.</summary>
    public static void Nudge(CausalLMModule model)
    {
        using var quiet = no_grad();
        foreach (var (info, value) in model.Table.Where(p => p.Info.Init.Std == 0))
        {
            using var generator = new torch.Generator(CausalLMModule.Stream(Seed + 1, info.Name));
            using var drawn = empty([.. info.Shape], float64);
            drawn.normal_(0, 0.2, generator);
            using var share = ParameterLayout.Share(info, drawn, model.Ranks);
            using var here = share.to(value.device);
            value.add_(here);
        }
    }
}
