// torch.*: the functions of Tensor.Random.cs with the tensor as first argument.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>0 or 1 with each element as the probability of 1.</summary>
    public static Tensor bernoulli(Tensor input, Generator? generator = null) => input.bernoulli(generator);

    /// <summary>Draws from binomial distributions with each element as the number of trials.</summary>
    public static Tensor binomial(Tensor count, Tensor probs, Generator? generator = null) => count.binomial(probs, generator);

    /// <summary>Indices drawn with the rows as weights.</summary>
    public static Tensor multinomial(Tensor input, long num_samples, bool replacement = false, Generator? generator = null) => input.multinomial(num_samples, replacement, generator);

    /// <summary>Draws from Poisson distributions with each element as the rate.</summary>
    public static Tensor poisson(Tensor input, Generator? generator = null) => input.poisson(generator);
}
