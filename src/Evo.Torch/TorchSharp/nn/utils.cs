// nn.utils: all parameters of a model at once.

using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Functions of all parameters of a model at once.</summary>
        public static partial class utils
        {
            /// <summary>Scales all gradients down so that their common norm is at most max_norm.</summary>
            /// <param name="tensors">Parameters; those without a gradient do not count.</param>
            /// <param name="max_norm">The largest norm allowed.</param>
            /// <param name="norm_type">The degree of the norm; infinity takes the largest absolute value.</param>
            /// <returns>The norm before scaling.</returns>
            public static double clip_grad_norm_(IEnumerable<Parameter> tensors, double max_norm, double norm_type = 2.0)
            {
                using var frozen = no_grad();
                using var scope = NewDisposeScope();
                var gradients = tensors.Select(t => t.grad).OfType<Tensor>().ToList();
                if (gradients.Count == 0) return 0;
                var norms = stack(gradients.Select(g => g.norm((float)norm_type)));
                var total = norms.norm((float)norm_type);
                var scale = total.add(1e-6).reciprocal().mul(max_norm).clamp_max(1.0);
                foreach (var gradient in gradients) gradient.mul_(scale);
                return total.to_type(ScalarType.Float64).item<double>();
            }

            /// <summary>Limits every element of every gradient to [-clip_value, clip_value].</summary>
            public static void clip_grad_value_(IEnumerable<Parameter> tensors, double clip_value)
            {
                using var frozen = no_grad();
                foreach (var parameter in tensors)
                {
                    using var gradient = parameter.grad;
                    gradient?.clamp_(-clip_value, clip_value);
                }
            }

            /// <summary>All parameters one after another, as one dimension (part of the graph).</summary>
            public static Tensor parameters_to_vector(IEnumerable<Parameter> tensors)
            {
                using var scope = NewDisposeScope();
                return cat(tensors.Select(t => t.reshape(-1)).ToArray()).MoveToOuterDisposeScope();
            }

            /// <summary>Writes what parameters_to_vector gave back into the parameters.</summary>
            /// <exception cref="ArgumentException">The vector is not of the parameters' total size.</exception>
            public static void vector_to_parameters(Tensor vec, IEnumerable<Parameter> tensors)
            {
                var targets = tensors.ToList();
                var total = targets.Sum(t => t.numel());
                if (vec.ndim != 1 || vec.numel() != total)
                    throw new ArgumentException($"The vector has shape [{string.Join(", ", vec.shape)}]; the parameters have {total} elements.", nameof(vec));
                using var frozen = no_grad();
                var at = 0L;
                foreach (var target in targets)
                {
                    using var part = vec.narrow(0, at, target.numel());
                    using var shaped = part.view_as(target);
                    target.copy_(shaped);
                    at += target.numel();
                }
            }
        }
    }
}
