// torch.Tensor: random draws. Each member is one operator of libtorch under its own name; see PyTorch's page of that name.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>0 or 1 with each element as the probability of 1.</summary>
        public Tensor bernoulli(Generator? generator = null) => Aten.bernoulli(this, generator);
        /// <summary>Fills with 0 or 1.</summary>
        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => Aten.bernoulli__float(this, p, generator);
        /// <summary>Fills with 0 or 1.</summary>
        public Tensor bernoulli_(Tensor p, Generator? generator = null) => Aten.bernoulli__Tensor(this, p, generator);

        /// <summary>Draws from binomial distributions with each element as the number of trials.</summary>
        public Tensor binomial(Tensor prob, Generator? generator = null) => Aten.binomial(this, prob, generator);

        /// <summary>Fills from a Cauchy distribution.</summary>
        public Tensor cauchy_(double median = 0, double sigma = 1, Generator? generator = null) => Aten.cauchy_(this, median, sigma, generator);

        /// <summary>Fills from an exponential distribution.</summary>
        public Tensor exponential_(double lambda = 1, Generator? generator = null) => Aten.exponential_(this, lambda, generator);

        /// <summary>Fills from a geometric distribution.</summary>
        public Tensor geometric_(double p, Generator? generator = null) => Aten.geometric_(this, p, generator);

        /// <summary>Fills with exp of a normal distribution.</summary>
        public Tensor log_normal_(double mean = 0, double std = 1, Generator? generator = null) => Aten.log_normal_(this, mean, std, generator);

        /// <summary>Indices drawn with the rows as weights.</summary>
        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) => Aten.multinomial(this, num_samples, replacement, generator);

        /// <summary>Fills from a normal distribution.</summary>
        public Tensor normal_(double mean = 0, double std = 1, Generator? generator = null) => Aten.normal_(this, mean, std, generator);

        /// <summary>Draws from Poisson distributions with each element as the rate.</summary>
        public Tensor poisson(Generator? generator = null) => Aten.poisson(this, generator);

        /// <summary>Fills uniformly from [from, to).</summary>
        public Tensor uniform_(double from, double to, Generator? generator = null) => Aten.uniform_(this, from, to, generator);
    }
}
