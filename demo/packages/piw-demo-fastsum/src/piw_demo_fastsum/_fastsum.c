#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

/* Neumaier's sum: what each addition loses to rounding is added up beside, and put back at the end. */
static PyObject *
precise_sum(PyObject *module, PyObject *numbers)
{
    double sum = 0.0, lost = 0.0;
    PyObject *iterator = PyObject_GetIter(numbers);
    PyObject *item;

    (void)module;
    if (iterator == NULL)
        return NULL;
    while ((item = PyIter_Next(iterator)) != NULL) {
        double number = PyFloat_AsDouble(item);
        double next = sum + number;

        Py_DECREF(item);
        if (number == -1.0 && PyErr_Occurred())
            break;
        if (fabs(sum) >= fabs(number))
            lost += (sum - next) + number;
        else
            lost += (number - next) + sum;
        sum = next;
    }
    Py_DECREF(iterator);
    if (PyErr_Occurred())
        return NULL;
    return PyFloat_FromDouble(sum + lost);
}

static PyMethodDef methods[] = {
    {"precise_sum", precise_sum, METH_O, "Adds up the numbers of an iterable, without losing small ones to rounding."},
    {NULL, NULL, 0, NULL}
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_fastsum", "A precise sum.", 0, methods, NULL, NULL, NULL, NULL
};

PyMODINIT_FUNC
PyInit__fastsum(void)
{
    return PyModuleDef_Init(&definition);
}
