// nn: how modules with parameters, and modules of modules, are made.

using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Modules and what they are made of.</summary>
    public static partial class nn
    {
        /// <summary>input @ weightᵀ + bias, initialized as in PyTorch.</summary>
        public static Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null) =>
            new(inputSize, outputSize, hasBias, device, dtype);

        /// <summary>A linear map of given parameters.</summary>
        public static Linear Linear(Parameter weight, Parameter? bias = null) => new(weight, bias);

        /// <summary>One row for each index, initialized from a normal distribution.</summary>
        /// <param name="num_embeddings">How many rows.</param>
        /// <param name="embedding_dims">Their size.</param>
        /// <param name="padding_idx">A row that is zero and gets no gradient.</param>
        /// <param name="max_norm">Rows of a larger norm are scaled down to it when used.</param>
        /// <param name="norm_type">The degree of that norm.</param>
        /// <param name="scale_grad_by_freq">Gradients over how often the index occurs.</param>
        /// <param name="sparse">A sparse gradient.</param>
        /// <param name="device">Where the weight is.</param>
        /// <param name="dtype">Its dtype.</param>
        public static Embedding Embedding(long num_embeddings, long embedding_dims, long? padding_idx = null, double? max_norm = null, double norm_type = 2.0, bool scale_grad_by_freq = false, bool sparse = false, Device? device = null, ScalarType? dtype = null)
        {
            var weight = new Parameter(empty(num_embeddings, embedding_dims, dtype, device));
            init.normal_(weight);
            if (padding_idx is { } row)
            {
                using var frozen = no_grad();
                using var padding = weight[row];
                padding.zero_();
            }
            return new Embedding(weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);
        }

        /// <summary>One row of given embeddings for each index; frozen unless told otherwise.</summary>
        public static Embedding Embedding_from_pretrained(Tensor embeddings, bool freeze = true, long? padding_idx = null, double? max_norm = null, double norm_type = 2.0, bool scale_grad_by_freq = false, bool sparse = false, Device? device = null, ScalarType? dtype = null)
        {
            var values = embeddings.to(dtype ?? embeddings.dtype, device ?? embeddings.device);
            return new Embedding(new Parameter(values.alias(), !freeze), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);
        }

        /// <summary>Normalized over the last dimension.</summary>
        public static LayerNorm LayerNorm(long normalized_shape, double eps = 1e-05, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new([normalized_shape], eps, elementwise_affine, bias, device, dtype);

        /// <summary>Normalized over the last dimensions.</summary>
        public static LayerNorm LayerNorm(long[] normalized_shape, double eps = 1e-05, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(normalized_shape, eps, elementwise_affine, bias, device, dtype);

        /// <summary>The input itself.</summary>
        public static Identity Identity() => new();

        /// <summary>The dimensions from start to end made one.</summary>
        public static Flatten Flatten(long start_dim = 1, long end_dim = -1) => new(start_dim, end_dim);

        /// <summary>One dimension split into several.</summary>
        public static Unflatten Unflatten(long dim, long[] unflattened_size) => new(dim, unflattened_size);

        /// <summary>A tensor as a parameter; the tensor is not to be used afterwards.</summary>
        public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);

        /// <summary>A list of parameters.</summary>
        public static ParameterList ParameterList(params Parameter[] parameters) => new(parameters);

        /// <summary>A list of modules.</summary>
        public static ModuleList<Module> ModuleList(params Module[] modules) => new(modules);

        /// <summary>A list of modules of one class.</summary>
        public static ModuleList<T> ModuleList<T>(params T[] modules) where T : Module => new(modules);

        /// <summary>Modules by name.</summary>
        public static ModuleDict<Module> ModuleDict(params (string, Module)[] modules) => ModuleDict<Module>(modules);

        /// <summary>Modules of one class by name.</summary>
        public static ModuleDict<T> ModuleDict<T>(params (string, T)[] modules) where T : Module
        {
            var result = new ModuleDict<T>();
            foreach (var module in modules) result.Add(module);
            return result;
        }

        /// <summary>An empty sequence, to append to.</summary>
        public static Sequential Sequential() => new(Array.Empty<Module<Tensor, Tensor>>());

        /// <summary>Modules that run one after another, under the given names.</summary>
        public static Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);

        /// <summary>Modules that run one after another, under their positions.</summary>
        public static Sequential Sequential(params Module<Tensor, Tensor>[] modules) => new(modules);

        /// <summary>Modules that run one after another, under the given names.</summary>
        public static Sequential Sequential(params Tuple<string, Module<Tensor, Tensor>>[] modules) =>
            new(modules.Select(m => (m.Item1, m.Item2)).ToArray());

        /// <summary>Modules that run one after another, under the given names.</summary>
        public static Sequential Sequential(IEnumerable<(string name, Module<Tensor, Tensor> submodule)> modules) => new(modules.ToArray());

        /// <summary>Modules that run one after another, under the given names.</summary>
        public static Sequential Sequential(IEnumerable<Tuple<string, Module<Tensor, Tensor>>> modules) => Sequential(modules.ToArray());

        /// <summary>Modules that run one after another, under their positions.</summary>
        public static Sequential Sequential(IEnumerable<Module<Tensor, Tensor>> modules) => new(modules.ToArray());
    }
}
