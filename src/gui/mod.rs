//! slotdeck: the window. eframe and egui live only here.
