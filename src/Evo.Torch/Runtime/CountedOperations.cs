// How much arithmetic was done on the native side.
using Evo.Torch.Native;

namespace Evo.Torch;

/// <summary>
/// Operations of the kernels' matrix products and attentions since the process began, forward and backward, whichever thread
/// did them; a multiply and an add are two. A formula of a model is held against a difference of these.
/// </summary>
/// <remarks>
/// Products of float32 on the processor are all counted; of other types those that the head and stacked linear maps make.
/// Attention's forward is 4 operations a pair of a query and a key that it sees, for each number of a head, its backward 10: four
/// products, and the scores once more.
/// </remarks>
/// <param name="Products">Of matrix products.</param>
/// <param name="Attention">Of attentions.</param>
public readonly record struct CountedOperations(long Products, long Attention)
{
    /// <summary>All until now.</summary>
    public static CountedOperations Now => new(NativeMethods.evo_counted_operations(0), NativeMethods.evo_counted_operations(1));

    /// <summary>What was done since an earlier reading.</summary>
    public CountedOperations Since(CountedOperations earlier) => new(Products - earlier.Products, Attention - earlier.Attention);
}
