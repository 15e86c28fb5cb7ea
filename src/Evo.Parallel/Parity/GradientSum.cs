using Evo.Models;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Sums gradients over the replicas of what each rank holds. Losses are sums over tokens divided by the number of all labels,
/// so over data replicas a sum is due, as it is over shares of a sequence.
/// </summary>
public static class GradientSum
{
    /// <summary>The site of these sums: that of no emitted collective.</summary>
    public const int Site = -1;

    /// <summary>Replaces each gradient by its sum over the ranks that hold the same share.</summary>
    /// <param name="model">After its backward pass.</param>
    /// <param name="data">Ranks at this rank's place of the tensor axis.</param>
    /// <param name="weightData">Ranks at this rank's place of the weight axis: they hold the same shares of weights (isp).</param>
    /// <param name="expertData">Ranks that hold the same experts.</param>
    public static void Run(CausalLMModule model, ProcessGroup data, ProcessGroup weightData, ProcessGroup expertData)
    {
        using var quiet = no_grad();
        foreach (var (info, value) in model.Table)
        {
            var group = ParameterLayout.ReducedOver(info, model.Ranks) switch
            {
                GradientSumAxis.WeightData => weightData,
                GradientSumAxis.ExpertData => expertData,
                _ => data,
            };
            if (group.Size == 1 || value.grad is not { } gradient)
            {
                continue;
            }

            using var sum = group.AllReduce(gradient, ReduceOperation.Sum, new Site(Site, false));
            gradient.copy_(sum);
        }
    }
}
