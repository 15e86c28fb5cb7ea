// What a layer keeps and what it computes again, under each of the ways in which it can run.
using Evo.Core;
using TorchSharp;

namespace Evo.Models;

/// <summary>The memory of one layer on a rank against its operations, from the plan and the count that are emitted for its record.</summary>
/// <param name="Layer">Its index.</param>
/// <param name="Everything">Bytes that its backward reads.</param>
/// <param name="Input">Bytes of its input.</param>
/// <param name="InputIsRead">Whether the input is among what its backward reads.</param>
/// <param name="Attention">Bytes of what its attentions gave, which its backward reads too.</param>
/// <param name="Attends">Whether it has attentions.</param>
/// <param name="Flops">Operations of its forward for the whole micro-batch, over all ranks that share it.</param>
public sealed record LayerCost(
    int Layer, double Everything, double Input, bool InputIsRead, double Attention, bool Attends, Flops Flops)
{
    /// <summary>Whether its attentions can be kept where it is computed again: only those that <see cref="Evo.Torch.KeptAttention"/> takes.</summary>
    /// <param name="onGpu">Whether it runs on a GPU.</param>
    /// <param name="type">Type of activations.</param>
    /// <param name="headSize">Numbers of a head.</param>
    public bool KeepsAttention(bool onGpu, torch.ScalarType type, long headSize) =>
        Attends && Evo.Torch.KeptAttention.Takes(onGpu, type, headSize);

    /// <summary>Bytes from the forward to the backward.</summary>
    public double Kept(LayerKeeps keeps) => keeps switch
    {
        LayerKeeps.Everything => Everything,
        LayerKeeps.Attention => Input + Attention,
        _ => Input,
    };

    /// <summary>Bytes more while the backward computes it again.</summary>
    public double Again(LayerKeeps keeps) => keeps switch
    {
        LayerKeeps.Everything => 0,
        LayerKeeps.Attention => Everything - Attention - (InputIsRead ? Input : 0),
        _ => Everything - (InputIsRead ? Input : 0),
    };

    /// <summary>Operations that are done a second time: those of the forward, or all but its scores and weighted sums.</summary>
    public double FlopsAgain(LayerKeeps keeps) => keeps switch
    {
        LayerKeeps.Everything => 0,
        LayerKeeps.Attention => Flops.Matrices,
        _ => Flops.ForwardCausal,
    };

    /// <summary>The costs of every layer of a model.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="plan">The mode's plan.</param>
    /// <param name="point">Rows, tokens of a row, and degrees.</param>
    /// <param name="type">Type of activations.</param>
    /// <param name="flops">Operations of each layer's forward.</param>
    /// <param name="givesWeightsBack">Whether weights that were gathered are given back after the forward and gathered again (isp in training).</param>
    public static IReadOnlyList<LayerCost> Of(
        CausalLM spec, ModePlan plan, SizePoint point, torch.ScalarType type, IReadOnlyList<Flops> flops, bool givesWeightsBack = false)
    {
        var kept = ActivationMemory.Of(plan).Tensors.Where(t => t.Layer is not null).ToLookup(t => t.Layer!.Value);
        var values = plan.Values.Where(v => v.Layer is not null).ToLookup(v => v.Layer!.Value);
        var weights = plan.Sites.Where(s => givesWeightsBack && s.IsWeight && s.Makes.Length > 0).Select(s => (s.Layer, s.Makes)).ToHashSet();

        double Bytes(Polynomial count, NumberType number) => (count * ActivationMemory.SizeOf(number, type)).At(point);

        LayerCost Cost(int layer)
        {
            var input = values[layer].First(v => v.Operation == "Input");
            var read = kept[layer].Where(t => !weights.Contains((t.Layer, t.Name))).ToList();
            var attended = values[layer].Where(v => v.Operation == "Attention").ToList();
            return new(
                layer,
                read.Sum(t => Bytes(t.Count, t.Type)),
                Bytes(input.Size, NumberType.Compute),
                read.Any(t => t.Name == input.Name),
                attended.Sum(v => Bytes(v.Size, NumberType.Compute) + KeptRules.Beside(v).Sum(b => Bytes(b.Count, b.Type))),
                attended.Count > 0,
                flops[layer]);
        }

        return [.. Enumerable.Range(0, spec.Size.LayerCount).Select(Cost)];
    }
}
